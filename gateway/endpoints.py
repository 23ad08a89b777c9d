"""Where a provider answers for models of other kinds than chat, and in which format."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from msgspec import Struct

from gateway.formats.kinds import KINDS, Kind
from providers import served
from providers.models import Provider


class Endpoint(Struct, frozen=True):
    """Without a `base_url` it is that of the chat format `beside`; without a `path`, which may have
    `{model}` in it, the format's own. `alone`: it does not speak what others of its format do too."""

    format: str
    beside: str
    base_url: str = ""
    path: str = ""
    alone: bool = False


def of(row: Provider) -> dict[str, Endpoint]:
    """By kind. What the row says itself goes before the catalogue, and that before what servers of
    its formats usually have."""
    found = dict(_of_catalogue(row)) if row.endpoints else dict(_usual(row))
    for kind, told in row.other_kinds.items():
        if kind in KINDS:
            usual = found.get(kind) or Endpoint(KINDS[kind].default, row.format)
            format = told.get("format") or usual.format
            path = told.get("path") or (usual.path if format == usual.format else "")
            base_url = told.get("base_url", "").rstrip("/") or usual.base_url
            found[kind] = Endpoint(format, usual.beside, base_url, path, usual.alone)
    return found


def _usual(row: Provider) -> Iterator[tuple[str, Endpoint]]:
    for kind in KINDS.values():
        for spoken in (row.format, *row.other_formats):
            if spoken in kind.usual:
                yield kind.name, _beside(kind, spoken)
                break


def _beside(kind: Kind, spoken: str) -> Endpoint:
    return Endpoint(kind.usual[spoken], spoken, path=kind.paths.get(spoken, ""))


def _of_catalogue(row: Provider) -> Iterator[tuple[str, Endpoint]]:
    """The first of each kind that is at the main address, or else the first."""
    rows = [told for told in row.endpoints if served.is_served(told["kind"], told["dialect"])]
    for told in sorted(rows, key=lambda told: bool(told["base"] == row.format)):
        if told["kind"] in KINDS:
            yield told["kind"], _told(row, told)  # a later one takes the place of an earlier


def _told(row: Provider, told: dict[str, str]) -> Endpoint:
    format = served.DIALECTS[told["kind"]][told["dialect"]]
    base_url, path = row.other_bases.get(told["base"], ""), told["path"]
    beside = row.format if base_url else told["base"]
    if "://" in path:
        whole = urlsplit(path)
        base_url, path = f"{whole.scheme}://{whole.netloc}", whole.path
    own = told["dialect"] in served.ADDRESSED
    alone = told["kind"] == "transcription" and not _translates(row)
    return Endpoint(format, beside, base_url.rstrip("/"), "" if own else path, alone)


def _translates(row: Provider) -> bool:
    """Into English, which models of speech can do where their provider lets them."""
    return any(told["kind"] == "translation" for told in row.endpoints)
