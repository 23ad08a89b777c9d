"""The file of shipped error rules: read, or refused by the name of what is wrong in it."""

from pathlib import Path

import pytest

from providers import error_rules

WRONG = [
    ("rules: [{action: jump, kind: quota, note: x}]", "Invalid enum value 'jump'"),
    ("rules: [{action: stop, kind: doom, note: x}]", "Invalid enum value 'doom'"),
    ("rules: [{action: stop, kind: quota}]", "missing required field `note`"),
    ("rules: [{action: stop, kind: quota, note: x, patern: y}]", "unknown field `patern`"),
    ("rules: [{action: stop, kind: quota, note: x, pattern: '['}]", "pattern: unterminated"),
    ("rules: [{action: stop, kind: quota, note: x, status: 42}]", "status"),
    ("rules: [{", "while parsing"),
    ("rows: []", "unknown field `rows`"),
]


@pytest.mark.parametrize(("text", "reason"), WRONG)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "error_rules.yaml"
    file.write_text(text)
    with pytest.raises(error_rules.ErrorRulesError, match=f"^error_rules.yaml: .*{reason}"):
        error_rules.read(file)


def test_each_shipped_rule_says_why_and_changes_something() -> None:
    rows = error_rules.read()
    assert len(rows) == len({(row.provider, row.status, row.pattern) for row in rows})
    assert all(row.pattern or row.provider for row in rows)  # else it would fit every failure
