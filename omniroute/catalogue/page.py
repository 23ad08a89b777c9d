"""docs/providers.md: every provider of the catalogue, `manage.py catalog table`."""

from collections.abc import Iterable

from msgspec import structs

from providers import served
from providers.models import Provider
from providers.rows import ModelRow, ProviderRow

HEAD = """\
# Providers

What the catalogue knows, written from its files in `providers/catalog/` by `make docs`. A provider can be
chosen for the kinds of model that this version can ask it for; *later* are those that it offers besides.
*Priced* is the share of its models whose price is known: a call to another is logged as unpriced, and
never as free. A *variable* that is set makes a connection at the next start. Facts were compiled from public sources, which each file names, and are as old as *checked*
says.
"""
SECTIONS = (
    ("Can be used", "", lambda row: _kinds(row) and row.status == Provider.Status.ACTIVE),
    (
        "Restricted by their vendor",
        "The service runs, and its vendor forbids or blocks its use by other programs.",
        lambda row: row.status == Provider.Status.RESTRICTED,
    ),
    (
        "Not supported yet",
        "Each needs a format that this version does not have. No vendor's own program is imitated.",
        lambda row: not _kinds(row) and row.status == Provider.Status.ACTIVE,
    ),
    (
        "Retired",
        "They are known so that an old configuration gets a clear answer.",
        lambda row: row.status == Provider.Status.RETIRED,
    ),
)
COLUMNS = (
    "Provider", "Id", "Tier", "Auth", "Variable", "Formats", "Kinds", "Models", "Priced", "Checked",
)  # fmt: skip


def document(rows: Iterable[ProviderRow]) -> str:
    known = sorted(rows, key=lambda row: row.name.lower())
    models = [model for row in known for model in row.models]
    text = HEAD + (
        f"\n{len(known)} providers, {len(models):,} models, {_share(models)} of them priced.\n"
    )
    for title, about, belongs in SECTIONS:
        chosen = [row for row in known if belongs(row)]
        text += f"\n## {title}: {len(chosen)}\n\n" + (f"{about}\n\n" if about else "")
        text += "".join(f"{line}\n" for line in _table(chosen))
    return text


def _table(rows: list[ProviderRow]) -> list[str]:
    head = ["| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    return head + ["| " + " | ".join(_cells(row)) + " |" for row in rows]


def _cells(row: ProviderRow) -> list[str]:
    named = f"[{row.name}]({row.docs_url})" if row.docs_url else row.name
    note = _note(row)
    name = row.id if row.alias == row.id else f"{row.id}, {row.alias}"
    formats = [format.value for format in (row.format, *row.other_formats) if format]
    priced = _share(row.models) if row.models else "-"
    return [
        f"{named}. {note}" if note else named,
        f"`{name}`",
        row.tier.label.lower(),
        ", ".join(row.auth).replace("_", " "),
        f"`{row.env_var}`" if row.env_var else "",
        ", ".join(formats) or ", ".join(sorted({each.dialect for each in row.endpoints})),
        _kinds_told(row),
        str(len(row.models)) + (" or any" if row.passthrough else ""),
        priced,
        str(row.checked or "-"),
    ]


def _note(row: ProviderRow) -> str:
    if row.status == Provider.Status.RETIRED:
        return f"Retired on {row.retired_on}. {row.status_note}".strip()
    risky = row.terms if row.terms and row.terms.level != "low" else None
    return " ".join(filter(None, (row.status_note, risky.summary if risky else "")))


def _kinds(row: ProviderRow) -> list[str]:
    return served.kinds(row.format or "", [structs.asdict(each) for each in row.endpoints])


def _kinds_told(row: ProviderRow) -> str:
    now = _kinds(row)
    known = {"chat", "embedding", "image", "speech", "transcription", "rerank", "moderation"}
    later = sorted(({each.kind for each in row.endpoints} & known) - set(now))
    return "; ".join(filter(None, (", ".join(now), f"later {', '.join(later)}" if later else "")))


def _share(models: list[ModelRow]) -> str:
    priced = sum(model.input is not None or bool(model.media) for model in models)
    return f"{100 * priced // len(models)}%"
