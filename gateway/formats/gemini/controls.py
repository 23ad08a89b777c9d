"""What an operator has to say about a client's own request."""

from typing import Any

from gateway.formats import system
from gateway.formats.gemini.config import DYNAMIC, MAX_BUDGET_TOKENS, level
from gateway.formats.gemini.spelling import spelled
from gateway.formats.reading import required
from gateway.formats.thinking import Thinking
from gateway.formats.types import JSONDict

_SYSTEM = "systemInstruction"
_GENERATION = "generationConfig"
_THINKING = "thinkingConfig"


def with_system(request: JSONDict, text: str) -> JSONDict:
    """The request with `text` first of all that is said to the model.

    Raises:
        BadRequest: Its `systemInstruction` is neither a text nor an object.
    """
    name = spelled(request, _SYSTEM)
    told = request.get(name)
    if isinstance(told, str):
        return request | {name: system.before(text, told)}
    told = {} if told is None else required({_SYSTEM: told}, _SYSTEM, dict)
    parts = [{"text": text}, *_parts(told.get("parts"))]
    return request | {name: told | {"parts": parts}}


def _parts(parts: Any) -> list[Any]:
    """One part alone is a list of one, and a text is a part, as at Google."""
    if isinstance(parts, str):
        return [{"text": parts}]
    return parts if isinstance(parts, list) else [] if parts is None else [parts]


def with_thinking(request: JSONDict, thinking: Thinking) -> JSONDict:
    """The request, which was checked, whose model is to think as the operator says.

    It is told by a budget, which models that know levels take too, or as the model's quirks say. A
    level beside a budget is refused, and so is the wish to see thoughts where there are none.
    """
    name = spelled(request, _GENERATION)
    config = request.get(name) or {}
    field = spelled(config, _THINKING)
    return request | {name: config | {field: _thinking(config.get(field), thinking)}}


def _thinking(told: Any, thinking: Thinking) -> JSONDict:
    how_much = _how_much(thinking)
    if thinking.mode == "off":
        return how_much
    told = told if isinstance(told, dict) else {}
    replaced = {spelled(told, name) for name in ("thinkingBudget", "thinkingLevel")}
    return {name: told[name] for name in told if name not in replaced} | how_much


def _how_much(thinking: Thinking) -> JSONDict:
    """Where a model knows levels, the lowest is what comes nearest to no thinking; and to decide
    itself is what it does unasked."""
    match thinking.quirks.reasoning, thinking.mode:
        case ("adaptive", _) | ("effort", "adaptive"):
            return {}
        case "effort", _:
            return {"thinkingLevel": level(thinking)}
        case _, "off":
            return {"thinkingBudget": 0}
        case _, "adaptive":
            return {"thinkingBudget": DYNAMIC}
    return {"thinkingBudget": min(thinking.budget_tokens, MAX_BUDGET_TOKENS)}
