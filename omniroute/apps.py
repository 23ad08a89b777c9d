from django.apps import AppConfig


class OmnirouteConfig(AppConfig):
    name = "omniroute"
    verbose_name = "OmniRoute"

    def ready(self) -> None:
        from omniroute import history

        history.watch()
