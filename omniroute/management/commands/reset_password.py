"""`manage.py reset_password`: a new password for a user whose old one is lost."""

import getpass
import secrets
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.models import User
from accounts.sessions import end_all


class Command(BaseCommand):
    help = "Set a user's password, and end that user's sessions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", nargs="?", default=settings.ADMIN_USERNAME)
        parser.add_argument("--generate", action="store_true", help="make one up, and print it")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"there is no user {options['username']}")
        password = secrets.token_urlsafe(15) if options["generate"] else _ask()
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        with transaction.atomic():
            user.set_password(password)
            user.save()
            ended = end_all(user)
        if options["generate"]:
            self.stdout.write(f"The password of {user.username} is now {password}")
        self.stdout.write(f"The password is changed; sessions ended: {ended}.")


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("New password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandError("the two differ")
    return password
