"""`manage.py catalog check`: whatever is wrong with the catalogue's files, each with its place."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from msgspec import ValidationError as WrongShape
from msgspec import convert

from gateway.formats.types import Quirks
from omniroute.addresses import check_base_url
from providers import rows
from providers.models import CAPABILITIES, Provider
from providers.oauth import row as oauth
from providers.rows import CatalogueError, ModelRow, ProviderRow


def complaints(folder: Path) -> list[str]:
    """One line each: file, place, reason. Empty where all is well."""
    found: list[str] = []
    taken: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            row = rows.read_file(path)
        except CatalogueError as error:
            found.append(str(error))
            continue
        names = {row.id: "id", row.alias: "alias"} | (
            {row.env_var: "env_var"} if row.env_var else {}
        )
        found += [
            f"{path.name}: {field}: {name!r} is {taken[name]}'s too"
            for name, field in names.items()
            if name in taken
        ]
        taken |= dict.fromkeys(names, path.name)
        found += [f"{path.name}: {complaint}" for complaint in _of_provider(row)]
    return found or ([] if taken else [f"{folder}: there are no files"])


def _of_provider(row: ProviderRow) -> Iterator[str]:
    yield from _of_quirks("quirks", row.quirks)
    if row.format and not row.base_url.startswith("demo:"):
        addresses = {"base_url": row.base_url}
        addresses |= {f"other_formats.{format.value}": u for format, u in row.other_formats.items()}
        for place, url in addresses.items():
            yield from _of_address(place, url, row.local)
    if row.status == Provider.Status.RESTRICTED and not (row.terms or row.status_note):
        yield "status: what is restricted says why, in status_note or terms"
    try:
        oauth.read(row.oauth)
    except ValueError as error:
        yield f"oauth: {error}"
    for number, model in enumerate(row.models):
        yield from (f"models[{number}] {model.name}: {each}" for each in _of_model(row, model))


def _of_address(place: str, url: str, is_local: bool) -> Iterator[str]:
    whole = "https://any.example" if url == "{base_url}" else re.sub(r"\{\w+\}", "any", url)
    try:
        check_base_url(whole, allow_private=is_local)
    except ValidationError as error:
        yield f"{place}: {'; '.join(error.messages)}"


def _of_quirks(place: str, quirks: dict[str, Any]) -> Iterator[str]:
    try:
        convert(quirks, Quirks)
    except WrongShape as error:
        yield f"{place}: {error}"


def _of_model(row: ProviderRow, model: ModelRow) -> Iterator[str]:
    yield from _of_quirks("quirks", row.quirks | model.quirks)
    for name in sorted(set(model.capabilities) - set(CAPABILITIES)):
        yield f"capabilities: {name!r} is none; {', '.join(CAPABILITIES)} are"
    if model.format and model.format not in {row.format, *row.other_formats}:
        yield f"format: the provider has no address for {model.format.value}"
    if (model.input is None) != (model.output is None) and model.kind == "chat":
        yield "input, output: a model has both prices, or none"
    if model.cache_read is not None and model.input is not None and model.cache_read > model.input:
        yield "cache_read: reading a cache costs no more than reading anew"
    sizes = [tier.over for tier in model.tiers]
    if sizes != sorted(set(sizes)):
        yield "tiers: each is above the one before it"
