"""Names that stand for a model: exact ones, and patterns of which the most specific decides."""

from dataclasses import dataclass

import pytest

from combos.aliases import Aliases, Found

ALIASES = Aliases(
    {
        "gpt-4o": "openai/gpt-4o",
        "gpt-*": "mk/any",
        "gpt-4*": "mk/four",
        "gpt-4*-mini": "mk/four-mini",
        "*-latest": "mk/latest",
        "claude-*": "cc/claude-*",
        "my-*": "cc/*",
    }
)


@dataclass(frozen=True)
class Case:
    id: str
    name: str
    expect: Found | None


CASES = [
    Case("the exact one first", "gpt-4o", Found("gpt-4o", "openai/gpt-4o")),
    Case("more before the star", "gpt-4.1", Found("gpt-4*", "mk/four")),
    Case("then more after it", "gpt-4.1-mini", Found("gpt-4*-mini", "mk/four-mini")),
    Case("before counts for more", "gpt-4-latest", Found("gpt-4*", "mk/four")),
    Case("what is left", "gpt-5", Found("gpt-*", "mk/any")),
    Case("a star at the beginning", "qwen-latest", Found("*-latest", "mk/latest")),
    Case("a star may be nothing", "gpt-4", Found("gpt-4*", "mk/four")),
    Case("the part goes into the model", "claude-x-1", Found("claude-*", "cc/claude-x-1")),
    Case("and alone", "my-opus", Found("my-*", "cc/opus")),
    Case("a part is used once", "gpt-4-mini-mini", Found("gpt-4*-mini", "mk/four-mini")),
    Case("no other name", "llama", None),
    Case("a name with a slash is a provider's", "claude-a/b", None),
    Case("nothing is no name", "", None),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_find(case: Case) -> None:
    assert ALIASES.find(case.name) == case.expect


def test_start_and_end_of_a_pattern_do_not_overlap() -> None:
    assert Aliases({"ab*bc": "mk/m"}).find("abc") is None


def test_a_star_alone_is_whatever_else_is_asked_for() -> None:
    assert Aliases({"*": "mk/m"}).find("whatever") == Found("*", "mk/m")
