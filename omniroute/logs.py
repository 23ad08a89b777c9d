"""One record, one line: what stands in a message can neither start a line nor move a cursor."""

import json
import logging
import re
from datetime import UTC, datetime

# The address of an invitation is its secret, and Django logs addresses of what it refuses.
_INVITATION = re.compile(r"(/account/join/)[^/\s?]+")


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _message(record: logging.LogRecord) -> str:
    return _INVITATION.sub(r"\1…", record.getMessage())


class ConsoleFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = (
            f"{_time(record)} {record.levelname.lower()} {record.name}: {_escape(_message(record))}"
        )
        if record.exc_info:
            line += _escape(_indented(self.formatException(record.exc_info)), keep="\n")
        return line


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def _indented(text: str) -> str:
    """A traceback needs its lines, and a message in it may bring more: none looks like a record."""
    return "".join(f"\n    {line}" for line in text.split("\n"))


def _escape(text: str, keep: str = "") -> str:
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode()
        for char in text
    )
