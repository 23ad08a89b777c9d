"""Rows of the request log as the journal's drain makes them."""

from datetime import datetime
from typing import Any

from analytics import records
from analytics.ids import new_id


def log(at: datetime, **fields: Any) -> str:
    """Insert one request that began `at`; returns its id."""
    id = new_id(at.timestamp())
    known: dict[str, Any] = {
        "client_format": "openai_chat",
        "path": "/v1/chat/completions",
        "key": "laptop",
        "user": "ops",
        "provider": "mock",
        "status": 200,
        "outcome": "ok",
    }
    row = records.Record(id=id, time=records.timestamp(at.timestamp()), **known | fields)
    records.insert([records.encode(row)])
    return id
