"""How much to think.

Bedrock leaves that to the models: Claude's `thinking` and the `reasoning_effort` of OpenAI's open
models go among `additionalModelRequestFields`, an effort of Claude's in `outputConfig`.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html
(read 2026-11)
"""

import sys

from gateway.formats.bedrock_converse.content import NAME, SIGNED_BY
from gateway.formats.reading import given, one_of, optional, required
from gateway.formats.thinking import EFFORTS, budget_of, effort_of
from gateway.formats.types import (
    Effort,
    JSONDict,
    Part,
    Prompt,
    Quirks,
    Reasoning,
    RedactedThinking,
    Thinking,
    ToolCall,
    ToolResult,
)

MIN_BUDGET_TOKENS = 1024
# Those that `outputConfig.effort` has.
_CLAUDES: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")


def read_reasoning(body: JSONDict) -> Reasoning | None:
    config = optional(body, "outputConfig", dict) or {}
    effort = optional(config, "effort", str, "outputConfig.")
    one_of(effort, EFFORTS, "outputConfig.effort")
    fields = optional(body, "additionalModelRequestFields", dict) or {}
    at = "additionalModelRequestFields.thinking."
    thinking = optional(fields, "thinking", dict, "additionalModelRequestFields.")
    if thinking is None:
        return Reasoning(effort=effort) if effort else None  # type: ignore[arg-type]  # checked
    kind = required(thinking, "type", str, at)
    one_of(kind, ("enabled", "disabled", "adaptive"), at + "type")
    return Reasoning(
        enabled=kind != "disabled",
        effort=effort,  # type: ignore[arg-type]  # checked
        budget_tokens=optional(thinking, "budget_tokens", int, at),
        adaptive=kind == "adaptive",
        display=optional(thinking, "display", str, at),
    )


def encode_reasoning(prompt: Prompt, quirks: Quirks, body: JSONDict, dropped: list[str]) -> None:
    """Put what is asked into the body, as the model's row says that it wants it.

    Claude thinks with neither sampling parameters nor a forced tool, and the budget is part of
    `maxTokens`, which grows by it so that the answer keeps its room.
    """
    wanted = prompt.reasoning
    if wanted is None:
        return
    if prompt.format == NAME:
        _put(body, thinking=_as_it_came(wanted))
        _put_effort(body, wanted.effort)
    elif not wanted.enabled:
        return
    elif quirks.reasoning == "none":
        dropped.append("reasoning_effort")
    elif quirks.reasoning == "effort":
        _put(body, reasoning_effort=effort_of(wanted, quirks))
    elif _forces_a_tool(body) or _lacks_thoughts(prompt):
        dropped.append("reasoning_effort")
    else:
        _claudes(wanted, quirks, body, dropped)


def _as_it_came(wanted: Reasoning) -> JSONDict | None:
    if wanted.enabled and not wanted.adaptive and wanted.budget_tokens is None:
        return None  # an effort alone is said elsewhere
    kind = "adaptive" if wanted.adaptive else "enabled" if wanted.enabled else "disabled"
    return {"type": kind} | given(budget_tokens=wanted.budget_tokens, display=wanted.display)


def _put(body: JSONDict, **fields: object) -> None:
    told = given(**fields)
    if told:
        name = "additionalModelRequestFields"
        body[name] = body.get(name, {}) | told


def _put_effort(body: JSONDict, effort: Effort | None) -> None:
    if effort is not None:
        body["outputConfig"] = body.get("outputConfig", {}) | {"effort": effort}


def _claudes(wanted: Reasoning, quirks: Quirks, body: JSONDict, dropped: list[str]) -> None:
    sampling = body.get("inferenceConfig", {})
    if quirks.reasoning == "adaptive":
        thinking: JSONDict = {"type": "adaptive"}
        effort = effort_of(wanted, quirks)
        _put_effort(body, effort if effort is None or effort in _CLAUDES else _CLAUDES[0])
    else:
        at_most = (quirks.max_output_tokens or sys.maxsize) - 1
        budget = min(max(budget_of(wanted), MIN_BUDGET_TOKENS), at_most)
        thinking = {"type": "enabled", "budget_tokens": budget}
        if "maxTokens" in sampling:
            sampling["maxTokens"] = min(sampling["maxTokens"] + budget, at_most + 1)
    _put(body, thinking=thinking | given(display=wanted.display))
    _without_sampling(body, sampling, dropped)


def _without_sampling(body: JSONDict, sampling: JSONDict, dropped: list[str]) -> None:
    fields = body["additionalModelRequestFields"]
    told = (("temperature", sampling), ("topP", sampling), ("top_k", fields))
    for name, place in told:
        if place.pop(name, None) not in (None, 1):
            dropped.append("top_p" if name == "topP" else name)
    if not sampling:
        body.pop("inferenceConfig", None)


def _forces_a_tool(body: JSONDict) -> bool:
    choice = body.get("toolConfig", {}).get("toolChoice", {})
    return "any" in choice or "tool" in choice


def _lacks_thoughts(prompt: Prompt) -> bool:
    """A turn in the midst of tool calls must begin with the thoughts that led to them."""
    for message in reversed(prompt.messages):
        if message.role == "assistant":
            calls = any(isinstance(part, ToolCall) for part in message.parts)
            return calls and not any(is_signed(part) for part in message.parts)
        if not any(isinstance(part, ToolResult) for part in message.parts):
            return False
    return False


def is_signed(part: Part) -> bool:
    """Is it a thought that a model here takes back?"""
    match part:
        case RedactedThinking() | Thinking(signature=str()):
            return part.signed_by in (None, SIGNED_BY, NAME)
    return False
