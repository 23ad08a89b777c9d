from django.apps import AppConfig


class CombosConfig(AppConfig):
    name = "combos"
