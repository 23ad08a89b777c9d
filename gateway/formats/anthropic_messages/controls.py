"""What an operator has to say about a client's own request."""

from typing import Any

from gateway.formats import system
from gateway.formats.anthropic_messages.sending import (
    DEFAULT_MAX_TOKENS,
    MIN_BUDGET_TOKENS,
    is_foreign,
)
from gateway.formats.reading import count, given, is_a, others
from gateway.formats.thinking import Thinking
from gateway.formats.types import JSONDict

_FORCED = ("any", "tool")
# Sampling that goes with thinking, from and to; of `top_k`, nothing does.
_FITTING = {"temperature": (1, 1), "top_p": (0.95, 1), "top_k": (1, 0)}


def with_system(request: JSONDict, text: str) -> JSONDict:
    """The request, which was checked, with `text` first of all that is said to the model.

    It gets no cache mark of its own: the client's are at most four, and the first covers it.
    """
    return request | {"system": system.before(text, request.get("system"))}


# --- Thinking ----------------------------------------------------------------------------------


def with_thinking(request: JSONDict, thinking: Thinking) -> JSONDict:
    """The request, which was checked, whose model is to think as the operator says.

    It does not where Anthropic would refuse that: with a forced tool, and with a budget in a turn
    that began without thoughts. Sampling that does not go with thinking is left out. A model that
    knows no budgets gets an effort instead, and one that decides nothing itself a budget.
    """
    way = thinking.quirks.reasoning
    by_budget = way == "budget" or (thinking.mode == "fixed" and way is None)
    if thinking.mode == "off" or _cannot_think(request, by_budget):
        return _without_clearing(request) | {"thinking": {"type": "disabled"}}
    told = request.get("thinking")
    told = told if isinstance(told, dict) else {}
    shown = given(display=told.get("display"))
    sent = {name: value for name, value in request.items() if not _clashes(name, value)}
    if not by_budget:
        effort = {"output_config": _effort(sent, thinking)} if thinking.mode == "fixed" else {}
        return sent | {"thinking": {"type": "adaptive", **shown}} | effort
    limit, budget = _room(request["max_tokens"], count(told.get("budget_tokens")), thinking)
    enabled = {"type": "enabled", "budget_tokens": budget, **shown}
    return sent | {"max_tokens": limit, "thinking": enabled}


def _effort(request: JSONDict, thinking: Thinking) -> JSONDict:
    told = request.get("output_config")
    return (told if isinstance(told, dict) else {}) | {"effort": thinking.effort}


def _room(max_tokens: int, counted: int, thinking: Thinking) -> tuple[int, int]:
    """`max_tokens`, and a budget below it.

    The budget is part of the limit, which grows by it, unless the client has `counted` one already,
    so that the answer keeps its room: as far as the model allows, or all models that think.
    """
    budget = max(thinking.tokens, MIN_BUDGET_TOKENS)
    answer = max_tokens - counted if counted < max_tokens else max_tokens
    most = thinking.quirks.max_output_tokens or DEFAULT_MAX_TOKENS
    limit = max(max_tokens, min(answer + budget, most))
    return limit, min(budget, limit - 1)


def _clashes(name: str, value: Any) -> bool:
    if name not in _FITTING or not is_a(value, float):
        return False
    low, high = _FITTING[name]
    return not low <= value <= high


def _cannot_think(request: JSONDict, by_budget: bool) -> bool:
    choice = request.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in _FORCED:
        return True
    return by_budget and _lacks_thoughts(request["messages"])


def _lacks_thoughts(messages: list[JSONDict]) -> bool:
    """Is the model to go on with a turn, after a tool's result or a beginning that the client
    made up, whose thoughts are not there?"""
    for message in reversed(messages):
        blocks = _blocks(message)
        kinds = [block.get("type") for block in blocks]
        if message["role"] == "assistant":
            goes_on = message is messages[-1] or "tool_use" in kinds
            return goes_on and not any(map(_is_thought, blocks))
        if message["role"] == "user" and "tool_result" not in kinds:
            return False
    return False


def _blocks(message: JSONDict) -> list[JSONDict]:
    content = message["content"]
    return (
        [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    )


def _is_thought(block: JSONDict) -> bool:
    return block.get("type") in ("thinking", "redacted_thinking") and not is_foreign(block)


def _without_clearing(request: JSONDict) -> JSONDict:
    """Thoughts of earlier turns are cleared only where there is thinking, or it is refused."""
    management = request.get("context_management")
    edits = management.get("edits") if isinstance(management, dict) else None
    if not isinstance(edits, list) or not isinstance(management, dict):
        return request
    kept = [edit for edit in edits if not _clears_thoughts(edit)]
    if len(kept) == len(edits):
        return request
    if not kept:
        return others(request, frozenset(["context_management"]))
    return request | {"context_management": management | {"edits": kept}}


def _clears_thoughts(edit: Any) -> bool:
    return isinstance(edit, dict) and str(edit.get("type")).startswith("clear_thinking")
