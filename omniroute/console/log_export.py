"""The request log as a file: written while it is read, so that its size costs no memory."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from msgspec import Struct

from analytics.costs import format_usd
from analytics.models import RequestRecord
from omniroute.console.exports import harmless

MAX_ROWS = 100_000
BATCH = 1_000

COLUMNS = (
    "id", "time", "key", "user", "client_format", "path", "stream", "requested_model", "combo",
    "provider", "model", "connection", "status", "outcome", "error", "input_tokens",
    "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "usage_source",
    "cost_usd", "first_byte_ms", "duration_ms", "bytes_in", "bytes_out", "cache", "tags",
)  # fmt: skip
_STORED = tuple("cost_picousd" if name == "cost_usd" else name for name in COLUMNS)


class Format(Struct, frozen=True):
    """A kind of file: how a row is written, and what stands before, between and after them."""

    name: str
    content_type: str
    write: Callable[[dict[str, Any]], str]
    head: str
    between: str = ""
    tail: str = ""


def exported(rows: QuerySet[RequestRecord], format: Format) -> StreamingHttpResponse:
    response = StreamingHttpResponse(_pieces(rows, format), content_type=format.content_type)
    response["content-disposition"] = f'attachment; filename="omniroute-log.{format.name}"'
    response["cache-control"] = "no-store"
    return response


async def _pieces(rows: QuerySet[RequestRecord], format: Format) -> AsyncIterator[str]:
    """Batches by key, each a query of its own: no transaction stays open for a slow reader."""
    yield format.head
    written, last = 0, ""
    while batch := await sync_to_async(_batch)(rows, last, min(BATCH, MAX_ROWS - written)):
        between = format.between if written else ""
        yield between + format.between.join(format.write(_told(row)) for row in batch)
        written, last = written + len(batch), batch[-1]["id"]
    yield format.tail


def _batch(rows: QuerySet[RequestRecord], last: str, most: int) -> list[dict[str, Any]]:
    older = rows.filter(id__lt=last) if last else rows
    return list(older.values(*_STORED)[:most])


def _told(row: dict[str, Any]) -> dict[str, Any]:
    cost = row["cost_picousd"]
    told = row | {
        "time": row["time"].isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "cost_usd": None if cost is None else format_usd(cost),
    }
    return {name: told[name] for name in COLUMNS}


def _csv(row: dict[str, Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([_cell(value) for value in row.values()])
    return text.getvalue()


def _cell(value: Any) -> Any:
    return harmless(",".join(value) if isinstance(value, list) else value)


def _json(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)


FORMATS = {
    format.name: format
    for format in (
        Format("csv", "text/csv; charset=utf-8", _csv, ",".join(COLUMNS) + "\r\n"),
        Format("json", "application/json", _json, "[\n", ",\n", "\n]\n"),
    )
}
