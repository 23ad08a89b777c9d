"""What a provider says that it has: its list of models, by the format that it speaks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.db import transaction
from msgspec import Struct

from providers import asking, placeholders
from providers.asking import AskFailed
from providers.models import Connection, Kind, Provider, ProviderModel
from providers.offers import Offer, read

MAX_PAGES = 20


class ListFailed(AskFailed):
    """There is no list."""


class _Listing(Struct, frozen=True):
    """Where a format's providers list models: a path, what names one, and the next page's query."""

    path: str
    name: str = "id"
    query: dict[str, str] = {}
    next: Callable[[dict[str, Any]], dict[str, str]] = lambda told: {}


def _by(theirs: str, ours: str) -> Callable[[dict[str, Any]], dict[str, str]]:
    return lambda told: {ours: str(told[theirs])} if told.get(theirs) else {}


def _anthropics_next(told: dict[str, Any]) -> dict[str, str]:
    return {"after_id": str(told["last_id"])} if told.get("has_more") else {}


# Sources (read 2026-11): the vendors' references of GET /v1/models, models.list, /api/tags and
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html
_LISTINGS = {
    "anthropic_messages": _Listing("/models", query={"limit": "1000"}, next=_anthropics_next),
    "gemini": _Listing(
        "/models", "name", {"pageSize": "1000"}, next=_by("nextPageToken", "pageToken")
    ),
    "cohere_chat": _Listing(
        "/v1/models", "name", {"page_size": "1000"}, next=_by("next_page_token", "page_token")
    ),
    "ollama_chat": _Listing("/api/tags", "name"),
    "bedrock_converse": _Listing("/foundation-models", "modelId"),
    "bedrock": _Listing("/foundation-models", "modelId"),
    "databricks": _Listing("/models", "name"),
    "watsonx": _Listing("/models", "model_id"),
}
_USUAL = _Listing("/models")


def models(connection: Connection) -> list[str]:
    """The names alone; else as `offers`."""
    return [offer.name for offer in offers(connection)]


def offers(connection: Connection) -> list[Offer]:
    """What it has, each once, by the name that the provider expects in a call, in its order.

    Raises:
        ListFailed: It does not answer, refuses the credential, or answers something else.
        CredentialUnreadable: The credential is not where it should be.
    """
    listing = _listing(connection)
    found: dict[str, Offer] = {}
    query = dict(listing.query)
    for _ in range(MAX_PAGES):
        told = _ask(connection, _url(connection, listing, query))
        for offer in _offers(told, listing):
            found.setdefault(offer.name, offer)
        more = listing.next(told) if isinstance(told, dict) else {}
        if not more:
            break
        query |= more
    return list(found.values())


def check(connection: Connection) -> None:
    """Ask for the first page of it alone. Raises as `models`."""
    listing = _listing(connection)
    told = _ask(connection, _url(connection, listing, dict(listing.query)))
    for _ in _offers(told, listing):
        pass


def _listing(connection: Connection) -> _Listing:
    row = _row(connection)
    return _LISTINGS.get(row["dialect"] if row else connection.provider.format, _USUAL)


def import_models(connection: Connection) -> list[str]:
    """Make a row of each model that has none; the names of those.

    They have no price, so calls of them are logged unpriced; what is known of a model of that name
    elsewhere is its kind. Raises as `models`.
    """
    found = offers(connection)
    provider = connection.provider
    present = set(provider.offered_models.values_list("name", flat=True))
    new = [each for each in found if each.name not in present and len(each.name) <= 200]
    kinds = known_kinds([each.name for each in new])
    with transaction.atomic():  # row by row, since only a save renews the snapshot
        for offer in new:
            # The operator's, so the catalogue does not take it away again.
            row = row_of(provider, offer, kinds)
            row.customised = provider.builtin
            row.save()
    return [offer.name for offer in new]


def known_kinds(names: Sequence[str]) -> dict[str, str]:
    """What models of those names are, wherever they are known."""
    known = ProviderModel.objects.filter(name__in=names[:900])  # SQLite takes so many at once
    return dict(known.values_list("name", "kind"))


def row_of(provider: Provider, offer: Offer, kinds: Mapping[str, str]) -> ProviderModel:
    """A row of what a list has. What nobody says of its kind, it is a chat model."""
    return ProviderModel(
        provider=provider,
        name=offer.name,
        kind=kinds.get(offer.name) or offer.kind or Kind.CHAT,
        context_window=offer.context_window,
        max_output_tokens=offer.max_output_tokens,
    )


def _url(connection: Connection, listing: _Listing, query: dict[str, str]) -> str:
    where, _, told = _whole(connection, listing).partition("?")
    asked = "&".join(filter(None, (urlencode(query), told)))
    return f"{where}{'?' if asked else ''}{asked}"


def _whole(connection: Connection, listing: _Listing) -> str:
    """Where the provider's row has its list, or else where its format has: at the address that
    calls go to, since it gets the same credential.

    Raises:
        ListFailed: It needs a parameter.
    """
    provider = connection.provider
    row = _row(connection) or {"base": provider.format, "path": listing.path}
    base_urls = connection.base_urls
    base_url, _, query = base_urls.get(row["base"], base_urls[provider.format]).partition("?")
    base_url = base_url.rstrip("/")
    if provider.format == "bedrock_converse":
        # At the service beside the one that runs them.
        base_url = base_url.replace("//bedrock-runtime", "//bedrock", 1)
    try:
        path = placeholders.fill(row["path"], connection.all_params(row["path"]))
    except ValueError as error:
        raise ListFailed(str(error)) from None
    whole = path if path.startswith("https://") else base_url + path
    if urlsplit(whole)[:2] != urlsplit(base_url)[:2]:
        whole = base_url + listing.path
    return f"{whole}{'&' if '?' in whole else '?'}{query}" if query else whole


def _row(connection: Connection) -> dict[str, str] | None:
    rows = [row for row in connection.provider.endpoints if row["kind"] == "models"]
    return rows[0] if rows else None


def _ask(connection: Connection, url: str) -> Any:
    try:
        return asking.ask(connection, url)
    except AskFailed as error:
        words = _NO_LIST if error.status == 200 else str(error)
        raise ListFailed(words, error.status, needs_login=error.needs_login) from None


# Of what an answer has, the list.
_LISTS = ("data", "models", "modelSummaries", "endpoints", "resources")
_NO_LIST = "it answers, but with no list of models: is the base URL right?"


def _offers(told: Any, listing: _Listing) -> Iterator[Offer]:
    rows = told
    if isinstance(told, dict):
        rows = next((told[name] for name in _LISTS if name in told), None)
    if not isinstance(rows, list):
        raise ListFailed(_NO_LIST, 200)
    for row in rows:
        name = row.get(listing.name) if isinstance(row, dict) else None
        if not isinstance(name, str) or not name:
            raise ListFailed(_NO_LIST, 200)
        if not name.isprintable():
            continue  # no client could ask for it, and no table holds it
        yield read(row, name.removeprefix("models/") if listing.name == "name" else name)
