"""Which names are suggested for one that nobody has, and that asking for it costs next to nothing."""

import difflib
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.spelling import Neighbours

NAMES = ["smart", "auto", "openai/gpt-4o-mini", "openai/gpt-4o", "or/openai/gpt-4o-mini", "an/opus"]


@dataclass(frozen=True)
class Case:
    id: str
    name: str
    first: str | None


CASES = [
    Case("a letter is missing", "smrt", "smart"),
    Case("a wrong end", "openai/gpt-4o-mimi", "openai/gpt-4o-mini"),
    Case("a wrong provider", "opnai/gpt-4o-mini", "openai/gpt-4o-mini"),
    Case("a provider is missing", "gpt-4o-mini", "openai/gpt-4o-mini"),
    Case("capitals", "OpenAI/GPT-4o-mini", "openai/gpt-4o-mini"),
    Case("nothing like any", "zzz", None),
    Case("nothing", "", None),
    Case("as long as may be", "smart" * 50, None),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_most_alike_is_suggested(case: Case) -> None:
    assert next(iter(Neighbours(NAMES).of(case.name)), None) == case.first


def test_of_thousands_a_dozen_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    real = difflib.get_close_matches

    def counted(word: str, among: Any, *more: Any) -> list[str]:
        compared.append(len(among))
        return real(word, among, *more)

    monkeypatch.setattr(difflib, "get_close_matches", counted)
    many = Neighbours(f"p{n % 9}/vendor/model-{n}b-instruct" for n in range(5000))
    assert "p3/vendor/model-3000b-instruct" in many.of("p3/vendor/model-3000b-instrukt")
    assert max(compared) <= 12
