"""A request and an answer of each format, with as many of its fields as there are."""

from typing import Any

import pytest

from gateway import formats
from gateway.formats import wire
from gateway.formats.types import Asked, JSONDict, Quirks
from tests.gateway.formats.wire import fixtures

NAMES = sorted(formats.FORMATS)


def body(name: str, what: str) -> JSONDict:
    value: JSONDict = wire.loads((fixtures.WIRE / name / f"{what}.json").read_bytes())
    return value


@pytest.mark.parametrize("name", NAMES)
def test_a_request_in_its_own_format_keeps_everything(name: str) -> None:
    request, format = body(name, "request"), formats.by_name(name)
    quirks = Quirks(max_tokens_field="max_completion_tokens")
    encoded = format.encode_request(format.decode_request(request), "m-1", quirks)
    assert listed(encoded.body) == listed(request)
    assert encoded.dropped == ()


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_in_its_own_format_keeps_everything(name: str) -> None:
    answer, format = body(name, "response"), formats.by_name(name)
    asked = Asked(model="m-1", id="none", created=0)
    told = format.encode_response(format.decode_response(answer), asked)
    assert told == over_absent(answer, told)


@pytest.mark.parametrize("name", NAMES)
def test_accounting_reads_of_an_answer_what_is_read_of_it(name: str) -> None:
    answer, format = body(name, "response"), formats.by_name(name)
    usage = format.decode_response(answer).usage
    assert usage is not None
    assert format.sniff_response(wire.dumps(answer)) == usage


def listed(value: Any) -> Any:
    """The content of messages as a list of parts everywhere."""
    if isinstance(value, list):
        return [listed(item) for item in value]
    if not isinstance(value, dict):
        return value
    content = value.get("content")
    if "role" in value and isinstance(content, str):
        value = value | {"content": [{"type": "text", "text": content}]}
    return {name: listed(item) for name, item in value.items() if item is not None}


def over_absent(before: Any, after: Any) -> Any:
    """`before`, with the counts of zero that `after` tells besides."""
    if isinstance(before, dict) and isinstance(after, dict):
        zeros = {name: 0 for name, value in after.items() if value == 0 and name not in before}
        return {k: over_absent(v, after.get(k)) for k, v in before.items()} | zeros
    return before
