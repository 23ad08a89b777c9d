"""Rows of the request log as the journal's drain makes them."""

from datetime import datetime
from typing import Any

from analytics import records
from analytics.ids import new_id
from analytics.records import Record


def log(at: datetime, **fields: Any) -> str:
    """Insert one request that began `at`; returns its id."""
    row = record(at, **fields)
    records.insert([records.encode(row)])
    return row.id


def record(at: datetime, **fields: Any) -> Record:
    known: dict[str, Any] = {
        "client_format": "openai_chat",
        "path": "/v1/chat/completions",
        "key": "laptop",
        "user": "ops",
        "provider": "mock",
        "status": 200,
        "outcome": "ok",
    }
    id, time = new_id(at.timestamp()), records.timestamp(at.timestamp())
    return Record(id=id, time=time, **known | fields)
