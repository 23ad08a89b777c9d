"""One record, one line, whatever stands in it."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.logs import ConsoleFormatter, JsonFormatter

FORGED = "2026-01-01T00:00:00.000+00:00 info accounts: root signed in"
HOSTILE = {
    "line feed": f"x\n{FORGED}",
    "carriage return": f"x\r{FORGED}",
    "both": f"x\r\n{FORGED}",
    "vertical tab and form feed": f"x\v\f{FORGED}",
    "Unicode line ends": f"x\u0085\u2028\u2029{FORGED}",
    "NUL": "x\x00y",
    "ANSI colours": "\x1b[31mred\x1b[0m",
    "ANSI in one byte": "\x9b31mred",
    "cursor up, erase line": "\x1b[1A\x1b[2K",
    "backspaces": "secret\b\b\b\b\b\b",
    "right to left": "\u202egnp.exe",
    "half a surrogate pair": "\ud800",
}


def record(
    message: str, *arguments: object, error: BaseException | None = None
) -> logging.LogRecord:
    information = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord(
        "gateway.door", logging.WARNING, __file__, 1, message, arguments, information
    )


def raised(message: str) -> ValueError:
    try:
        raise ValueError(message)
    except ValueError as error:
        return error


def is_safe(line: str) -> bool:
    return line.isprintable() and len(line.splitlines()) == 1


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    "formatter", [ConsoleFormatter(), JsonFormatter()], ids=["console", "json"]
)
def test_a_value_can_forge_no_line(formatter: logging.Formatter, text: str) -> None:
    line = formatter.format(record("key %s is refused", text))
    assert is_safe(line)
    line.encode()


@pytest.mark.parametrize(
    "formatter", [ConsoleFormatter(), JsonFormatter()], ids=["console", "json"]
)
def test_an_invitations_address_is_its_secret(formatter: logging.Formatter) -> None:
    refused = record("Forbidden (%s): %s", "CSRF token missing.", "/account/join/canary-4f/")
    line = formatter.format(refused)
    assert "canary-4f" not in line
    assert "/account/join/" in line


@given(st.text())
def test_no_text_at_all_breaks_a_line(text: str) -> None:
    for formatter in (ConsoleFormatter(), JsonFormatter()):
        assert is_safe(formatter.format(record("%s", text)).replace("\x7f", ""))


def test_a_line_says_when_how_grave_who_and_what() -> None:
    entry = record("%d rows are gone", 3)
    entry.created = 1767225600.25
    assert ConsoleFormatter().format(entry) == (
        "2026-01-01T00:00:00.250+00:00 warning gateway.door: 3 rows are gone"
    )
    assert json.loads(JsonFormatter().format(entry)) == {
        "time": "2026-01-01T00:00:00.250+00:00",
        "level": "warning",
        "logger": "gateway.door",
        "message": "3 rows are gone",
    }


def test_a_message_in_a_traceback_can_forge_no_record() -> None:
    text = ConsoleFormatter().format(record("failed", error=raised(f"bad\n{FORGED}\r\x1b[2K")))
    first, *others = text.split("\n")
    assert first.endswith("gateway.door: failed")
    assert all(line.startswith("    ") and line.isprintable() for line in others)
    assert others[0].strip() == "Traceback (most recent call last):"


def test_a_traceback_is_one_line_of_json() -> None:
    line = JsonFormatter().format(record("failed", error=raised(f"bad\n{FORGED}")))
    assert is_safe(line)
    assert json.loads(line)["traceback"].endswith(f"ValueError: bad\n{FORGED}")


def writers(logger: logging.Logger) -> list[logging.Handler]:
    """Those that write to a stream; a test runner's own, of another class, are none of ours."""
    return [handler for handler in logger.handlers if type(handler) is logging.StreamHandler]


def test_every_logger_writes_through_one_of_the_two() -> None:
    assert writers(logging.getLogger())
    for name in ("", *logging.root.manager.loggerDict):
        for handler in writers(logging.getLogger(name)):
            assert isinstance(handler.formatter, ConsoleFormatter | JsonFormatter), name
