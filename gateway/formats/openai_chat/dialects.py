"""How servers of this format are asked to think: OpenAI's way, and the ways of others.

`enable_thinking` and `thinking_budget` are Alibaba's, `chat_template_kwargs` those of servers that
render a model's own template.

Sources: https://openrouter.ai/docs/use-cases/reasoning-tokens (`reasoning`),
https://docs.z.ai/guides/capabilities/thinking and
https://api-docs.deepseek.com/guides/thinking_mode (`thinking`),
https://docs.vllm.ai/en/stable/features/reasoning_outputs/ (`chat_template_kwargs`); read 2026-11
"""

from collections.abc import Callable
from typing import Any

from gateway.formats.needs import is_effort
from gateway.formats.openai_chat.request import max_tokens
from gateway.formats.reading import others
from gateway.formats.thinking import Thinking
from gateway.formats.types import JSONDict

_OPENROUTERS = frozenset(["effort", "max_tokens", "enabled"])
_TYPED = frozenset(["type", "budget_tokens"])
_SWITCHES = ("enable_thinking", "thinking")  # of a chat template


def told(request: JSONDict, thinking: Thinking) -> JSONDict:
    """The fields by which a server is told so, each with null where it is to be left out."""
    said = [name for name in _WORDS if _says(request, name)]
    switched = any(name not in (_EFFORT, _BUDGET) for name in said)
    if not switched and _EFFORT not in said:  # a budget alone says neither yes nor no
        said.append(_EFFORT)
    limit = max_tokens(request)  # thoughts count
    budget = thinking.tokens if limit is None else max(min(thinking.tokens, limit - 1), 1)
    words = {name: _WORDS[name](request.get(name), thinking, budget) for name in said}
    if switched and thinking.mode == "off" and _EFFORT in said:
        words[_EFFORT] = None  # who has a switch may know no effort of none
    return words


def asks(request: JSONDict) -> bool:
    """Does the client want its model to think? Whatever is no such wish is none."""
    effort, template = request.get(_EFFORT), request.get("chat_template_kwargs")
    return (
        is_effort(effort)
        or _asks_openrouter(request.get("reasoning"))
        or _asks_by_type(request.get("thinking"))
        or request.get("enable_thinking") is True
        or (isinstance(template, dict) and any(template.get(name) is True for name in _SWITCHES))
    )


def _asks_openrouter(reasoning: object) -> bool:
    match reasoning:
        case {"enabled": False} | {"effort": "none"}:
            return False
        case {"enabled": True} | {"effort": str()} | {"max_tokens": int()}:
            return True
    return False


def _asks_by_type(thinking: object) -> bool:
    match thinking:
        case {"type": "disabled"}:
            return False
        case {"type": str()} | True:
            return True
    return False


# --- What each field becomes: of what the client said in it, and a budget that fits -----------


def _says(request: JSONDict, name: str) -> bool:
    value = request.get(name)
    if name == "chat_template_kwargs":
        return isinstance(value, dict) and any(switch in value for switch in _SWITCHES)
    return value is not None


def _effort(said: Any, thinking: Thinking, budget: int) -> str:
    return thinking.effort


def _openrouter(said: Any, thinking: Thinking, budget: int) -> JSONDict:
    rest = others(said, _OPENROUTERS) if isinstance(said, dict) else {}
    match thinking.mode:
        case "off":
            return rest | {"effort": "none"}
        case "fixed":
            return rest | {"max_tokens": budget}
    return rest | {"enabled": True}


def _by_type(said: Any, thinking: Thinking, budget: int) -> JSONDict | bool:
    if not isinstance(said, dict):
        return thinking.mode != "off"
    if thinking.mode == "off":
        return {"type": "disabled"}
    kind = said.get("type")
    if thinking.mode == "adaptive" and kind in ("adaptive", "auto"):
        return said
    takes_budgets = "budget_tokens" in said or kind == "adaptive"
    return (
        others(said, _TYPED)
        | {"type": "enabled"}
        | ({"budget_tokens": budget} if takes_budgets else {})
    )


def _switch(said: Any, thinking: Thinking, budget: int) -> bool:
    return thinking.mode != "off"


def _tokens(said: Any, thinking: Thinking, budget: int) -> int | None:
    return budget if thinking.mode == "fixed" else None


def _template(said: Any, thinking: Thinking, budget: int) -> JSONDict:
    switches = {name: thinking.mode != "off" for name in _SWITCHES if name in said}
    changed: JSONDict = said | switches
    return changed


_EFFORT, _BUDGET = "reasoning_effort", "thinking_budget"
_WORDS: dict[str, Callable[[Any, Thinking, int], Any]] = {
    _EFFORT: _effort,
    "reasoning": _openrouter,
    "thinking": _by_type,
    "enable_thinking": _switch,
    _BUDGET: _tokens,
    "chat_template_kwargs": _template,
}
