from django.apps import AppConfig


class OmnirouteConfig(AppConfig):
    name = "omniroute"
    verbose_name = "OmniRoute"
