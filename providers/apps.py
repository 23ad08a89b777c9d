from django.apps import AppConfig
from django.db.models.signals import post_save


class ProvidersConfig(AppConfig):
    name = "providers"

    def ready(self) -> None:
        from providers import states
        from providers.models import Connection
        from providers.oauth import tokens

        def follow(instance: Connection, **_: object) -> None:
            tokens.follow(instance)
            states.follow(instance)

        post_save.connect(
            follow, sender=Connection, weak=False, dispatch_uid="account-follows-connection"
        )
