"""How much to think, between the formats: an effort, or a budget in tokens."""

import math
from typing import Literal

import msgspec
from msgspec import Struct

from gateway.formats.types import Effort, Quirks, Reasoning

EFFORTS: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_COMMON: tuple[Effort, ...] = ("low", "medium", "high")
# What an effort is worth in tokens.
BUDGETS: dict[Effort, int] = {
    "none": 0,
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16_384,
    "xhigh": 32_768,
    "max": 65_536,
}


class Thinking(Struct, frozen=True):
    """How much an operator lets every request think, whatever the client asks for.

    `budget_tokens`, at least 1, belongs to `fixed`; `adaptive` leaves it to the model. `quirks`
    are those of the model that is told, where that is known.
    """

    mode: Literal["off", "fixed", "adaptive"]
    budget_tokens: int = 0
    quirks: Quirks = Quirks()

    def at(self, quirks: Quirks) -> "Thinking":
        """The same, said to a model of these quirks."""
        return msgspec.structs.replace(self, quirks=quirks)

    @property
    def effort(self) -> Effort:
        """For a format that knows efforts, of which none is the model's own choice."""
        effort: Effort = "none" if self.mode == "off" else "medium"
        if self.mode == "fixed":
            effort = _nearest(self.budget_tokens)
        return effort_of(Reasoning(effort=effort), self.quirks) or effort

    @property
    def tokens(self) -> int:
        """For a format that knows budgets, of which none is the model's own choice."""
        if self.mode == "fixed":
            return self.budget_tokens
        return BUDGETS["none" if self.mode == "off" else "medium"]


def budget_of(reasoning: Reasoning) -> int:
    """In tokens: as asked, or what the effort is worth; of neither, a medium one."""
    if reasoning.budget_tokens is not None:
        return reasoning.budget_tokens
    return BUDGETS[reasoning.effort or "medium"]


def effort_of(reasoning: Reasoning, quirks: Quirks) -> Effort | None:
    """The effort that the model takes and that is nearest to what is asked; null: none is asked."""
    effort = reasoning.effort
    if effort is None and reasoning.budget_tokens is not None:
        effort = _nearest(reasoning.budget_tokens)
    if effort is None or not quirks.efforts or effort in quirks.efforts:
        return effort
    wanted = EFFORTS.index(effort)
    return min(quirks.efforts, key=lambda name: abs(EFFORTS.index(name) - wanted))


def _nearest(budget_tokens: int) -> Effort:
    """Of the three that every model knows."""
    budget = min(max(budget_tokens, 1), 10**9)  # whatever the client has sent
    return min(_COMMON, key=lambda name: abs(math.log(BUDGETS[name] / budget)))
