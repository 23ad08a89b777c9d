"""What stands in a file of the catalogue, and reading it.

A file is a provider: its facts first, then its models, one a line.
"""

import datetime
import hashlib
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from msgspec import Meta, Struct, ValidationError, convert, field

from providers import pricing
from providers.models import Provider

FOLDER = Path(__file__).parent / "catalog"

Word = Annotated[str, Meta(min_length=1)]
Tokens = Annotated[int, Meta(gt=0)]
Kind = Literal["chat", "embedding", "image", "speech", "transcription", "rerank", "moderation"]
AuthType = Literal["api_key", "aws", "oauth", "service_account", "client_credentials", "none"]

_WORDS = "(text|image|audio|video|pdf|embedding|score)"
_MODALITIES = rf"^{_WORDS}(\+{_WORDS})* -> {_WORDS}(\+{_WORDS})*$"
_KEY: tuple[AuthType, ...] = ("api_key",)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class CatalogueError(Exception):
    """A file of the catalogue is wrong; the message names the file and the place in it."""


class Row(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class ModelRow(
    pricing.Prices, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """Prices in USD per million tokens; null is unknown, and 0 is free."""

    name: Word
    kind: Kind = "chat"
    modalities: Annotated[str, Meta(pattern=_MODALITIES)] = "text -> text"  # in -> out
    context_window: Tokens | None = None
    max_output_tokens: Tokens | None = None
    dimensions: Tokens | None = None
    tiers: list[pricing.Tier] = []
    changes: list[pricing.Change] = []
    media: dict[str, Any] = {}
    # The price is that of the metered API, which a plan or a free offer takes the place of.
    billing: Literal["metered", "subscription", "free"] = "metered"
    capabilities: dict[str, bool] = {}
    quirks: dict[str, Any] = {}
    format: Provider.Format | None = None
    retired: datetime.date | None = None  # not later than that

    def __post_init__(self) -> None:
        super().__post_init__()
        pricing.media(self.media)


class EndpointRow(Row, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where one kind of call goes: `path` under the address that `base` names, or a whole URL.

    `base` is a format of the row, or a name in its `other_bases`. Which (kind, dialect) this
    gateway can use is `served`'s to say.
    """

    kind: Word
    dialect: Word
    base: Word
    path: str
    stream_path: str = ""
    batch_path: str = ""
    is_async: bool = False  # it answers with a job, to be asked for again


class QuotaRow(Row, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where in an answer a quota stands: `data.limit`, and `limits.0.detail.limit` in a list; of
    `balances.*.amount` it is the sum.

    What is told in fewer words is worked out: `limit` less `used` remains. Where `credit` is the
    account's nothing can be called once none remains, and something where some does; where it is a
    part of it, such as a key's, only the first is sure.
    """

    name: Annotated[str, Meta(min_length=1, max_length=60)]
    unit: Annotated[str, Meta(max_length=20)] = ""
    limit: str = ""
    remaining: str = ""
    used: str = ""
    resets: str = ""
    window_s: Annotated[int, Meta(gt=0)] | None = None
    credit: Literal["", "account", "part"] = ""

    def __post_init__(self) -> None:
        if not self.remaining and not (self.limit and self.used):
            raise ValueError(f"quotas: {self.name}: from what is known what remains?")


class ParamRow(Row, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a connection has to say besides its credential: `{name}` in addresses and headers."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$")]
    help: Word
    required: bool = True


class TermsRow(Row, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    level: Literal["low", "medium", "high"]
    summary: Word
    source: str = ""


class Header(Row, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`{key}` in the template is the key."""

    name: Word
    template: Word = "{key}"


class FirstRow(Row, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A question before the question: what stands `at` a place in the answer goes into its path."""

    path: Word
    at: Word


class ProbeRow(Row, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an account can be asked for without cost: `path` under the provider's address, or a
    whole URL. `as_entered`: with the credential as it was entered, and not the token that has come
    of it. `is_optional`: not every account may ask; a refusal says nothing. `first` is asked before,
    and what it tells is `{first}` in the path."""

    path: Word
    quotas: Annotated[list[QuotaRow], Meta(min_length=1)]
    as_entered: bool = False
    is_optional: bool = False
    key_header: Header | None = None  # where it is not that of calls
    first: FirstRow | None = None


class ProviderRow(Row, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`key_headers` by format, only where the header with the key is not the format's own."""

    id: Word
    alias: Word
    name: Word
    tier: Provider.Tier
    models: list[ModelRow]
    format: Provider.Format | None = None
    base_url: str = ""
    passthrough: bool = False
    status: Provider.Status = Provider.Status.ACTIVE
    status_note: str = ""
    retired_on: datetime.date | None = None
    category: str = ""
    other_formats: dict[Provider.Format, Word] = {}
    other_bases: dict[str, Word] = {}
    auth: list[AuthType] = field(default_factory=lambda: list(_KEY))
    key_headers: dict[Provider.Format, Header] = {}
    headers: dict[str, Word] = {}
    params: list[ParamRow] = []
    env_var: str = ""
    docs_url: str = ""
    quirks: dict[str, Any] = {}
    rate_limit_headers: list[Word] = []
    # Beside its list of models, which is asked for where there is nothing here.
    probes: list[ProbeRow] = []
    endpoints: list[EndpointRow] = []
    terms: TermsRow | None = None
    # How one signs in there, under the names of `providers.oauth.row`. The client's id and secret are
    # the operator's: `client_id_setting` and `client_secret_setting` name where they are read.
    oauth: dict[str, Any] = {}
    # On the machine itself, or beside it: private addresses are allowed from the start.
    local: bool = False
    # What it lists can be called, so that discovery asks for it.
    discovery: bool = True
    # It has a connection from the start.
    connected: bool = False
    sources: list[Word] = []
    checked: datetime.date | None = None

    def __post_init__(self) -> None:
        names = [model.name for model in self.models]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"models: {', '.join(twice)} stands there twice")
        if bool(self.format) != bool(self.base_url):
            raise ValueError("format: a format has an address, and an address a format")
        if self.status == Provider.Status.RETIRED and not self.retired_on:
            raise ValueError("retired_on: since when?")
        if {"client_id", "client_secret"} & set(self.oauth):
            raise ValueError("oauth: the client's id and secret are the operator's to supply")
        bases = {*self.other_bases, *self.other_formats, self.format}
        for number, endpoint in enumerate(self.endpoints):
            if endpoint.base not in bases:
                raise ValueError(f"endpoints[{number}].base: {endpoint.base!r} has no address")
        self._check_placeholders()

    def _check_placeholders(self) -> None:
        declared = {param.name for param in self.params} | {"model", "base_url"}
        texts = [self.base_url, *self.other_formats.values(), *self.headers.values()]
        for text in texts:
            if unknown := sorted(set(_PLACEHOLDER.findall(text)) - declared):
                raise ValueError(f"params: {unknown[0]!r} is used in {text!r} and not declared")


def digest(folder: Path = FOLDER) -> str:
    """Changes whenever a file does."""
    whole = hashlib.sha256()
    for path in sorted(folder.glob("*.yaml")):
        whole.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()


def read(folder: Path = FOLDER) -> list[ProviderRow]:
    """The rows of all files. Raises `CatalogueError`."""
    rows: list[ProviderRow] = []
    taken: set[str] = set()
    for path in sorted(folder.glob("*.yaml")):
        row = read_file(path)
        if {row.id, row.alias} & taken:
            raise CatalogueError(f"{path.name}: its id or alias is another file's too")
        taken |= {row.id, row.alias}
        rows.append(row)
    return rows


# In C where PyYAML was built with it, which is ten times as fast.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_file(path: Path) -> ProviderRow:
    """Raises `CatalogueError`."""
    try:
        # Not strict: a date and a price are text or a number in YAML.
        told = yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 - a safe one
        return convert(told, ProviderRow, strict=False)
    except ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        where = [path.name, place.strip(".`")] if place.strip(".`") else [path.name]
        raise CatalogueError(": ".join([*where, reason])) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path.name}: {' '.join(str(error).split())}") from None
