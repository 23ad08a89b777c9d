"""Names of people. What somebody has called is found by their name, so one that is in the log is not
given again to whoever chooses it for themself."""

from django.apps import apps

from accounts.models import User

# Which hold names, and outlive who had them.
_TOLD = ("analytics.RequestRecord", "analytics.DailyUsage")


def was_somebodys(username: str) -> bool:
    """Has somebody of this name called, who may be gone?"""
    rooms = (apps.get_model(label)._default_manager for label in _TOLD)
    return any(rows.filter(user=username).exists() for rows in rooms)


def free(wanted: str) -> str:
    """`wanted`, or with the first number that makes it nobody's."""
    name, number = wanted, 2
    while was_somebodys(name) or User.objects.filter(username=name).exists():
        name, number = f"{wanted}{number}", number + 1
    return name
