"""`python -m bench lists`: how long Admin's lists take over a large configuration.

10,000 connections, 5,000 models, and 10,000 rows of every other list, in a SQLite of their own, asked
of a real server as a browser asks. Fails where a list takes longer than its bound.
"""

import os
import sys

from django.db.models import Model

from bench.site import ROUNDS, Page, browsing, site
from bench.snapshot import CONNECTIONS, MODELS, populate

ROWS = 10_000
BOUND_MS = 500


def fill() -> list[Page]:
    """The rows of a database that is made already, and where they are listed."""
    import django

    django.setup()
    from django.urls import reverse

    from bench.many import LISTS
    from providers.models import Connection, Provider, ProviderModel

    populate(CONNECTIONS, MODELS)
    for _, make in LISTS:
        make(0, ROWS)
    listed: list[type[Model]] = [
        Connection,
        Provider,
        ProviderModel,
        *(model for model, _ in LISTS),
    ]
    return [
        Page(
            str(model._meta.verbose_name_plural),
            reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist"),
            BOUND_MS,
        )
        for model in listed
    ]


def main() -> None:
    with site("") as own:
        own.prepare()
        os.environ |= own.environment | {"DJANGO_SETTINGS_MODULE": "omniroute.settings"}
        listed = fill()
        with browsing(own) as browser:
            times = [(page, *browser.times(page)) for page in listed]
    print(f"| list | median | slowest of {ROUNDS} | bound |\n|---|---|---|---|")
    for page, median, slowest in times:
        print(f"| {page.name} | {median:.0f} ms | {slowest:.0f} ms | {page.bound_ms:.0f} ms |")
    late = [page.name for page, median, _ in times if median > page.bound_ms]
    if late:
        sys.exit(f"over the bound: {', '.join(late)}")
