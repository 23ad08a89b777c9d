"""Log rows as the journal writes them, and their way into the table.

A line of the journal is the JSON array of a `Record`, and a batch of lines is inserted by one
statement: model instances would cost six times as much, and this runs beside every call. The same
transaction notes which rows are new, for `analytics.rollups` to count.
"""

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

import msgspec
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from analytics.models import RequestRecord, Uncounted

Outcome = Literal["ok", "error", "truncated", "aborted", "interrupted"]
Source = Literal["reported", "estimated"]


class Attempt(msgspec.Struct, omit_defaults=True):
    """One try at one target. `status` is null where no status line was received.

    `at_ms` is when it began, since the request came. `cost_usd` is told of one that lost against
    another and was paid for all the same, as an estimate.
    """

    model: str
    connection: str
    status: int | None
    error: str | None
    ms: int
    at_ms: int = 0
    cost_usd: str | None = None


class Record(msgspec.Struct, kw_only=True, array_like=True):
    """A row of `RequestRecord`: the same names, in the same units.

    New fields go to the end, with a default: a journal may be older than the program.
    """

    id: str
    time: str  # as `timestamp` writes it
    key: str = ""
    user: str = ""
    client_format: str
    path: str
    stream: bool = False
    requested_model: str = ""
    provider: str = ""
    model: str = ""
    connection: str = ""
    status: int = 500
    outcome: Outcome = "interrupted"
    error: str = ""
    attempts: str = "[]"  # JSON of list[Attempt]
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    usage_source: Source = "estimated"
    cost_picousd: int | None = None
    first_byte_ms: int | None = None
    duration_ms: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    dropped: str = "[]"  # JSON of list[str], as are the tags
    tags: str = "[]"
    request_body: str = ""
    response_body: str = ""
    trace: str = "{}"  # JSON: candidates in order, and those left out with the reason
    cache: str = ""
    units: str = "{}"  # JSON: what was used that is not counted in tokens
    combo: str = ""
    tier: str = ""
    saved_picousd: int = 0
    request_headers: str = "{}"  # JSON: values by name


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Record).decode


def timestamp(time_s: float) -> str:
    """Unix seconds as both databases store a time: UTC, to the microsecond, without a zone."""
    seconds, microseconds = divmod(round(time_s * 1e6), 1_000_000)
    return f"{_second(seconds)}.{microseconds:06}"


@lru_cache(maxsize=4)  # in which many calls begin
def _second(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).replace(tzinfo=None).isoformat(sep=" ")


def insert(lines: list[bytes]) -> None:
    """Insert encoded records, all or none; an id that is there already is left alone.

    Raises:
        django.db.DatabaseError: Nothing was inserted.
    """
    rows = [decode(line) for line in lines]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # The server takes the batch apart: adapting a value in Python costs psycopg
            # ten times what the rest of the row costs.
            cursor.execute(_insert_array(), [encode(rows).decode()])
        else:
            new = _not_there(cursor, [row.id for row in rows])
            cursor.executemany(_INSERT_VALUES, [msgspec.structs.astuple(row) for row in rows])
            if new:
                cursor.execute(_NOTE_VALUES, [json.dumps(new), len(new)])


# Tables and columns are names of ours, never input. A conflict on anything but the id is an error.
_TABLE, _NOTES = RequestRecord._meta.db_table, Uncounted._meta.db_table
_FIELDS = [RequestRecord._meta.get_field(name) for name in Record.__struct_fields__]
_INSERT = f'INSERT INTO "{_TABLE}" ({{}}) '.format(
    ", ".join(f'"{name}"' for name in Record.__struct_fields__)
)
_INSERT_VALUES = (
    _INSERT + f"VALUES ({', '.join(['%s'] * len(_FIELDS))}) ON CONFLICT (id) DO NOTHING"
)
_NOTE = f'INSERT INTO "{_NOTES}" (ids, requests) '
_NOTE_VALUES = _NOTE + "VALUES (%s, %s)"


def _not_there(cursor: CursorWrapper, ids: list[str]) -> list[str]:
    """Those that are no row yet. SQLite's write lock is held, so none becomes one meanwhile."""
    cursor.execute(
        f'SELECT id FROM "{_TABLE}" WHERE id IN (SELECT value FROM json_each(%s))',  # noqa: S608
        [json.dumps(ids)],
    )
    there = {id for (id,) in cursor.fetchall()}
    return [id for id in dict.fromkeys(ids) if id not in there]


def _insert_array() -> str:
    values = (
        f"(line->>{place})::{field.db_type(connection)}" for place, field in enumerate(_FIELDS)
    )
    return (
        f"WITH added AS ({_INSERT} "  # noqa: S608
        f"SELECT {', '.join(values)} FROM jsonb_array_elements(%s::jsonb) AS line "
        f"ON CONFLICT (id) DO NOTHING RETURNING id) {_NOTE} "
        "SELECT jsonb_agg(id), count(*) FROM added HAVING count(*) > 0"
    )
