"""`generationConfig`: sampling, the form of the answer, how much to think.

Source: https://ai.google.dev/api/generate-content#generationconfig (read 2026-11)
"""

from typing import Any

from gateway.formats.gemini import schemas
from gateway.formats.gemini.signing import NAME
from gateway.formats.reading import one_of, optional, others, strings, wrong
from gateway.formats.thinking import Thinking, budget_of, effort_of
from gateway.formats.types import Effort, JSONDict, OutputSchema, Prompt, Quirks, Reasoning

AT = "generationConfig."
_JSON = "application/json"
_KNOWN = frozenset(
    [
        "temperature",
        "topP",
        "topK",
        "maxOutputTokens",
        "stopSequences",
        "candidateCount",
        "seed",
        "presencePenalty",
        "frequencyPenalty",
        "responseMimeType",
        "responseSchema",
        "responseJsonSchema",
        "thinkingConfig",
    ]
)
_THINKING = frozenset(["includeThoughts", "thinkingBudget", "thinkingLevel"])
_UNSPECIFIED = "THINKING_LEVEL_UNSPECIFIED"
_LEVELS: dict[str, Effort | None] = {
    _UNSPECIFIED: None,
    "MINIMAL": "minimal",
    "LOW": "low",
    "MEDIUM": "medium",
    "HIGH": "high",
    "XHIGH": "xhigh",
}
_LEVELS_OUT: dict[Effort, str] = {
    "none": "MINIMAL",
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "XHIGH",
    "max": "XHIGH",
}
# Where nothing says what a model takes: those that every model with levels knows.
_COMMON: tuple[Effort, ...] = ("low", "high")
DYNAMIC = -1  # as a budget: the model decides
MAX_BUDGET_TOKENS = 24_576  # the smallest limit among the models that take budgets
# `display`, in Anthropic's words: are thoughts told?
_SHOWN, _HIDDEN = "summarized", "omitted"


# --- Reading -----------------------------------------------------------------------------------


def read(config: JSONDict) -> JSONDict:
    """The fields of `Prompt` that stand in it.

    Raises:
        BadRequest: A field is of the wrong type; it is named.
    """
    top_k = optional(config, "topK", float, AT)
    return {
        "temperature": optional(config, "temperature", float, AT),
        "top_p": optional(config, "topP", float, AT),
        "top_k": None if top_k is None else _whole(top_k, "topK"),
        "max_tokens": _positive(config, "maxOutputTokens"),
        "stop": strings(config, "stopSequences", AT),
        "n": optional(config, "candidateCount", int, AT),
        "seed": optional(config, "seed", int, AT),
        "presence_penalty": optional(config, "presencePenalty", float, AT),
        "frequency_penalty": optional(config, "frequencyPenalty", float, AT),
        "output_schema": _output_schema(config),
        "reasoning": _reasoning(config),
    }


def rest(config: JSONDict) -> JSONDict:
    """What the neutral form has no place for, by its path in the body."""
    found = others(config, _KNOWN)
    if config.get("responseMimeType") not in (None, _JSON, "text/plain"):
        found |= {name: config[name] for name in config if name.startswith("response")}
    thinking = config.get("thinkingConfig")
    more = others(thinking, _THINKING) if isinstance(thinking, dict) else {}
    if more:
        found["thinkingConfig"] = more
    return {AT + name: value for name, value in found.items()}


def _whole(number: float, name: str) -> int:
    """Some clients write whole numbers as 40.0."""
    if number != int(number):
        raise wrong(AT + name, "an integer")
    return int(number)


def _positive(config: JSONDict, name: str) -> int | None:
    number = optional(config, name, int, AT)
    if number is not None and number < 1:
        raise wrong(AT + name, "an integer above 0")
    return number


def _output_schema(config: JSONDict) -> OutputSchema | None:
    kind = optional(config, "responseMimeType", str, AT)
    theirs = optional(config, "responseSchema", dict, AT)
    plain = optional(config, "responseJsonSchema", dict, AT)
    if kind not in (None, _JSON):
        return None
    if plain is not None:
        return OutputSchema(schema=plain)
    if theirs is not None:
        told = {"responseSchema": theirs}
        return OutputSchema(schema=schemas.to_json_schema(theirs), original=told)
    return OutputSchema() if kind == _JSON else None


def _reasoning(config: JSONDict) -> Reasoning | None:
    thinking = optional(config, "thinkingConfig", dict, AT)
    if not thinking:
        return None
    at = AT + "thinkingConfig."
    budget = optional(thinking, "thinkingBudget", int, at)
    level = (optional(thinking, "thinkingLevel", str, at) or _UNSPECIFIED).upper()
    one_of(level, _LEVELS, at + "thinkingLevel")
    shown = optional(thinking, "includeThoughts", bool, at)
    return Reasoning(
        enabled=budget != 0,
        effort=_LEVELS[level],
        budget_tokens=budget if budget is not None and budget > 0 else None,
        adaptive=budget is not None and budget < 0,
        display=None if shown is None else _SHOWN if shown else _HIDDEN,
    )


# --- Writing -----------------------------------------------------------------------------------


def write(prompt: Prompt, quirks: Quirks, dropped: list[str]) -> JSONDict:
    config = _given(
        temperature=prompt.temperature,
        topP=prompt.top_p,
        topK=prompt.top_k,
        maxOutputTokens=_max_tokens(prompt, quirks, dropped),
        stopSequences=list(prompt.stop) or None,
        candidateCount=prompt.n,
        seed=prompt.seed,
        presencePenalty=prompt.presence_penalty,
        frequencyPenalty=prompt.frequency_penalty,
    )
    if prompt.output_schema is not None:
        config |= _write_output(prompt.output_schema, prompt.format == NAME)
    if prompt.reasoning is not None:
        if prompt.format == NAME:
            thinking = _as_told(prompt.reasoning)
        else:
            thinking = _thinking(prompt.reasoning, quirks, dropped)
        config |= {"thinkingConfig": thinking} if thinking else {}
    return config


def _given(**fields: Any) -> JSONDict:
    return {name: value for name, value in fields.items() if value is not None}


def _max_tokens(prompt: Prompt, quirks: Quirks, dropped: list[str]) -> int | None:
    limit = quirks.max_output_tokens
    if prompt.max_tokens is None or limit is None or prompt.max_tokens <= limit:
        return prompt.max_tokens
    dropped.append("max_tokens")
    return limit


def _write_output(output: OutputSchema, native: bool) -> JSONDict:
    sent: JSONDict = {"responseMimeType": _JSON}
    if native and output.original is not None:
        return sent | output.original
    if output.schema is None:
        return sent
    schema = output.schema if native else schemas.accepted(output.schema)
    return sent | {"responseJsonSchema": schema}


def _as_told(reasoning: Reasoning) -> JSONDict:
    """Of a request of this format: what it said and no more."""
    budget = reasoning.budget_tokens
    if not reasoning.enabled:
        budget = 0
    elif reasoning.adaptive:
        budget = DYNAMIC
    return _given(
        includeThoughts=None if reasoning.display is None else reasoning.display == _SHOWN,
        thinkingBudget=budget,
        thinkingLevel=None if reasoning.effort is None else _LEVELS_OUT[reasoning.effort],
    )


def _thinking(reasoning: Reasoning, quirks: Quirks, dropped: list[str]) -> JSONDict:
    """Of a request of another format: a level or a budget, as the model's row says.

    Thoughts are told unless the request says otherwise: other formats tell them unasked.
    """
    if quirks.reasoning == "none":
        if reasoning.enabled:
            dropped.append("reasoning_effort")
        return {}
    shown = {"includeThoughts": True} if reasoning.enabled else {}
    if reasoning.display == _HIDDEN:
        shown = {"includeThoughts": False}
    if quirks.reasoning == "effort":
        return shown | _given(thinkingLevel=_level(reasoning, quirks, dropped))
    if quirks.reasoning == "adaptive":
        return shown
    return shown | {"thinkingBudget": _budget(reasoning, dropped)}


def _level(reasoning: Reasoning, quirks: Quirks, dropped: list[str]) -> str | None:
    """Levels cannot be switched off: the lowest is what comes nearest to no thinking."""
    wanted = reasoning if reasoning.enabled else Reasoning(effort="none")
    known = quirks if quirks.efforts else Quirks(efforts=_COMMON)
    effort = effort_of(wanted, known)
    if effort is None:  # "decide yourself" is what the model does unasked
        return None
    if wanted.effort is None:
        dropped.append("thinking.budget_tokens")
    elif effort != wanted.effort:
        dropped.append("reasoning_effort")
    return _LEVELS_OUT[effort]


def level(thinking: Thinking) -> str:
    """Of those that the model knows the nearest to what an operator says."""
    return _LEVELS_OUT[thinking.at(Quirks(efforts=thinking.quirks.efforts or _COMMON)).effort]


def _budget(reasoning: Reasoning, dropped: list[str]) -> int:
    if not reasoning.enabled:
        return 0
    if reasoning.budget_tokens is None and reasoning.effort is None:
        return DYNAMIC
    wanted = budget_of(reasoning)
    if wanted > MAX_BUDGET_TOKENS:
        told = reasoning.budget_tokens is not None
        dropped.append("thinking.budget_tokens" if told else "reasoning_effort")
    return min(wanted, MAX_BUDGET_TOKENS)
