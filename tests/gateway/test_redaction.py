"""What is left out of prompts and answers before they are kept."""

from dataclasses import dataclass

import pytest

from gateway import redaction
from gateway.redaction import redaction_of


@dataclass(frozen=True)
class Case:
    id: str
    text: str
    kept: str


FIELDS = [
    Case("a text", '{"password": "a\\"b", "x": 1}', '{"password": "[redacted]", "x": 1}'),
    Case("a number", '{"ssn":123,"x":1}', '{"ssn":"[redacted]","x":1}'),
    Case("an object", '{"ssn": {"a": [1, "}"]}, "x": 1}', '{"ssn": "[redacted]", "x": 1}'),
    Case("inside", '[{"a": {"ssn": null}}]', '[{"a": {"ssn": "[redacted]"}}]'),
    Case("whatever the case", '{"PassWord" : 1}', '{"PassWord" : "[redacted]"}'),
    Case("several", '{"ssn": 1, "password": 2}', '{"ssn": "[redacted]", "password": "[redacted]"}'),
    Case("cut off in it", '{"x": 1, "password": "secr', '{"x": 1, "password": "[redacted]"'),
    Case(
        "a stream", 'data: {"ssn": 1}\n\ndata: {"x": 2}\n\n',
        'data: {"ssn": "[redacted]"}\n\ndata: {"x": 2}\n\n',
    ),
    Case("another name", '{"passwords": 1, "x": "password"}', '{"passwords": 1, "x": "password"}'),
    Case("no JSON", "my password: x", "my password: x"),
]  # fmt: skip


@pytest.mark.parametrize("case", FIELDS, ids=lambda case: case.id)
def test_a_field_keeps_its_name_and_loses_its_value(case: Case) -> None:
    assert redaction_of(["password", "ssn"], []).apply(case.text) == case.kept


def test_a_pattern_loses_what_it_matches_wherever_it_stands() -> None:
    rules = redaction_of([], [r"\b\d{16}\b", "sk-[a-z]+"])
    assert rules.apply("4111111111111111 and sk-abc") == "[redacted] and [redacted]"


def test_a_pattern_that_takes_for_ever_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "PATIENCE_S", 0.000_001)
    rules = redaction_of([], [r"(a|aa)+$"])
    assert rules.apply("a" * 30_000 + "b") == redaction.TOO_SLOW


def test_without_rules_everything_stays() -> None:
    assert redaction_of([], []).apply('{"password": 1}') == '{"password": 1}'


def test_nesting_without_end_is_cut_there() -> None:
    assert redaction_of(["a"], []).apply('{"a": ' + "[" * 100_000) == '{"a": "[redacted]"'
