"""Whatever a client asks for, its model thinks as the operator says, in every format."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import formats
from gateway.formats import anthropic_messages, openai_chat, wire
from gateway.formats.thinking import Thinking
from gateway.formats.types import JSONDict, Prompt, Quirks
from tests.gateway.formats.bodies import REQUESTS

OFF, ADAPTIVE = Thinking("off"), Thinking("adaptive")


def fixed(tokens: int) -> Thinking:
    return Thinking("fixed", tokens)


@dataclass(frozen=True)
class Case:
    id: str
    format: str
    thinking: Thinking
    told: dict[str, Any]
    sent: dict[str, Any]


def asked(**reasoning: Any) -> dict[str, Any]:
    return {"reasoning": reasoning}


def template(**switches: Any) -> dict[str, Any]:
    return {"chat_template_kwargs": switches}


def config(**fields: Any) -> dict[str, Any]:
    return {"generationConfig": fields}


CASES = [
    # Chat Completions
    Case("chat, off", "openai_chat", OFF, {}, {"reasoning_effort": "none"}),
    Case("chat, off where an effort is asked", "openai_chat", OFF,
        {"reasoning_effort": "high", "seed": 1}, {"reasoning_effort": "none", "seed": 1}),
    Case("chat, a small budget", "openai_chat", fixed(1500), {}, {"reasoning_effort": "low"}),
    Case("chat, a medium budget", "openai_chat", fixed(8000), {}, {"reasoning_effort": "medium"}),
    Case("chat, a large budget", "openai_chat", fixed(64_000), {}, {"reasoning_effort": "high"}),
    Case("chat, a budget of hardly anything", "openai_chat", fixed(1), {}, {"reasoning_effort": "low"}),
    Case("chat, the model decides", "openai_chat", ADAPTIVE, {"reasoning_effort": "xhigh"},
        {"reasoning_effort": "medium"}),
    Case("OpenRouter's words, off", "openai_chat", OFF, asked(max_tokens=9, exclude=True),
        asked(exclude=True, effort="none")),
    Case("OpenRouter's words, a budget", "openai_chat", fixed(3000), asked(effort="high"),
        asked(max_tokens=3000)),
    Case("OpenRouter's words, a budget below the limit", "openai_chat", fixed(3000),
        {"max_tokens": 2000, **asked(effort="high")}, {"max_tokens": 2000, **asked(max_tokens=1999)}),
    Case("OpenRouter's words, the model decides", "openai_chat", ADAPTIVE, asked(effort="high"),
        asked(enabled=True)),
    Case("a type, off", "openai_chat", OFF, {"thinking": {"type": "enabled", "budget_tokens": 9}},
        {"thinking": {"type": "disabled"}}),
    Case("a type without budgets", "openai_chat", fixed(3000), {"thinking": {"type": "disabled"}},
        {"thinking": {"type": "enabled"}}),
    Case("a type with budgets", "openai_chat", fixed(3000),
        {"thinking": {"type": "enabled", "budget_tokens": 9}},
        {"thinking": {"type": "enabled", "budget_tokens": 3000}}),
    Case("a type that decides itself, a budget", "openai_chat", fixed(3000),
        {"thinking": {"type": "adaptive"}}, {"thinking": {"type": "enabled", "budget_tokens": 3000}}),
    Case("a type that decides itself", "openai_chat", ADAPTIVE, {"thinking": {"type": "adaptive"}},
        {"thinking": {"type": "adaptive"}}),
    Case("a type with budgets, the model decides", "openai_chat", ADAPTIVE,
        {"thinking": {"type": "enabled", "budget_tokens": 9}},
        {"thinking": {"type": "enabled", "budget_tokens": 8192}}),
    Case("a yes, off", "openai_chat", OFF, {"thinking": True}, {"thinking": False}),
    Case("Qwen's words, off", "openai_chat", OFF, {"enable_thinking": True, "thinking_budget": 9},
        {"enable_thinking": False}),
    Case("Qwen's words, a budget", "openai_chat", fixed(3000),
        {"enable_thinking": False, "thinking_budget": 9},
        {"enable_thinking": True, "thinking_budget": 3000}),
    Case("Qwen's budget alone, off", "openai_chat", OFF, {"thinking_budget": 9},
        {"reasoning_effort": "none"}),
    Case("a template's switch, off", "openai_chat", OFF, template(enable_thinking=True, x=1),
        template(enable_thinking=False, x=1)),
    Case("a template's switch, a budget", "openai_chat", fixed(3000), template(thinking=False),
        template(thinking=True)),
    Case("a template without a switch", "openai_chat", OFF, template(x=1),
        {**template(x=1), "reasoning_effort": "none"}),
    Case("two dialects", "openai_chat", OFF, {"reasoning_effort": "low", "enable_thinking": True},
        {"enable_thinking": False}),
    Case("two dialects, a budget", "openai_chat", fixed(64_000), {"reasoning_effort": "low", "thinking": {"type": "disabled"}},
        {"reasoning_effort": "high", "thinking": {"type": "enabled"}}),
    Case("null is nothing said", "openai_chat", OFF, {"reasoning": None},
        {"reasoning": None, "reasoning_effort": "none"}),
    # Completions
    Case("completions, off", "openai_completions", OFF, {}, {"reasoning_effort": "none"}),
    Case("completions, a budget", "openai_completions", fixed(20_000), {}, {"reasoning_effort": "high"}),
    # Responses
    Case("responses, off", "openai_responses", OFF, asked(effort="high", summary="auto"),
        asked(effort="none")),
    Case("responses, off where nothing is asked", "openai_responses", OFF, {}, asked(effort="none")),
    Case("responses, a budget", "openai_responses", fixed(16_000), asked(effort="low", summary="auto"),
        asked(effort="high", summary="auto")),
    Case("responses, the model decides", "openai_responses", ADAPTIVE, {"reasoning": None},
        asked(effort="medium")),
    # Gemini
    Case("gemini, off", "gemini", OFF, config(seed=1, thinkingConfig={"includeThoughts": True}),
        config(seed=1, thinkingConfig={"thinkingBudget": 0})),
    Case("gemini, off where nothing is asked", "gemini", OFF, {}, config(thinkingConfig={"thinkingBudget": 0})),
    Case("gemini, a budget for a level", "gemini", fixed(3000),
        config(thinkingConfig={"thinkingLevel": "HIGH", "includeThoughts": True}),
        config(thinkingConfig={"includeThoughts": True, "thinkingBudget": 3000})),
    Case("gemini, a budget that is too large", "gemini", fixed(64_000), {},
        config(thinkingConfig={"thinkingBudget": 24_576})),
    Case("gemini, the model decides", "gemini", ADAPTIVE, config(thinkingConfig={"thinkingBudget": 9}),
        config(thinkingConfig={"thinkingBudget": -1})),
    Case("gemini, the other spelling", "gemini", fixed(3000),
        {"generation_config": {"thinking_config": {"thinking_budget": 9, "include_thoughts": True}}},
        {"generation_config": {"thinking_config": {"include_thoughts": True, "thinkingBudget": 3000}}}),
    Case("gemini, null", "gemini", OFF, {"generationConfig": None},
        config(thinkingConfig={"thinkingBudget": 0})),
    # Ollama
    Case("ollama, off", "ollama_chat", OFF, {"think": "high"}, {"think": False}),
    Case("ollama, a budget", "ollama_chat", fixed(2000), {}, {"think": True}),
    Case("ollama, a budget for a level", "ollama_chat", fixed(2000), {"think": "high"}, {"think": "low"}),
    Case("ollama, the model decides", "ollama_chat", ADAPTIVE, {"think": False}, {"think": True}),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_model_thinks_as_the_operator_says(case: Case) -> None:
    sent = formats.for_client(case.format).with_thinking(case.told, case.thinking)
    assert wire.dumps(sent) == wire.dumps(case.sent)


# --- Anthropic, which refuses the most ---------------------------------------------------------

ASKS = [{"role": "user", "content": "2+2?"}]
CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}
ELSEWHERE = THOUGHT | {"signature": "omniroute:gemini:c2ln"}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "4"}]}
CLEARING = {"type": "clear_thinking_20251015", "keep": "all"}
OTHER = {"type": "clear_tool_uses_20250919"}


def called(*blocks: Any) -> list[dict[str, Any]]:
    return [*ASKS, {"role": "assistant", "content": list(blocks)}, RESULT]


@dataclass(frozen=True)
class Asked:
    id: str
    thinking: Thinking
    told: dict[str, Any]
    thinks: dict[str, Any]  # the `thinking` that is sent
    changed: dict[str, Any] = field(default_factory=dict)  # what else is; None: left out


DISABLED = {"type": "disabled"}
SELF = {"type": "adaptive"}


def enabled(tokens: int, **more: Any) -> dict[str, Any]:
    return {"type": "enabled", "budget_tokens": tokens, **more}


ANTHROPIC = [
    Asked("off", OFF, {}, DISABLED),
    Asked("off where it is asked", OFF, {"thinking": enabled(2000, display="omitted")}, DISABLED),
    Asked("off, and sampling stays", OFF, {"temperature": 0.5, "top_k": 4}, DISABLED),
    Asked("off, and an effort in writing stays", OFF, {"output_config": {"effort": "low"}}, DISABLED),
    Asked("off, and no thoughts are cleared", OFF, {"context_management": {"edits": [CLEARING]}},
        DISABLED, {"context_management": None}),
    Asked("off, and the rest is cleared", OFF, {"context_management": {"edits": [CLEARING, OTHER]}},
        DISABLED, {"context_management": {"edits": [OTHER]}}),
    Asked("off, and nothing else is cleared", OFF, {"context_management": {"edits": [OTHER]}}, DISABLED),
    Asked("a budget, and the answer keeps its room", fixed(2000), {"max_tokens": 1000}, enabled(2000),
        {"max_tokens": 3000}),
    Asked("a budget of too little", fixed(10), {"max_tokens": 1}, enabled(1024), {"max_tokens": 1025}),
    Asked("a budget within what models allow", fixed(10_000), {"max_tokens": 30_000}, enabled(10_000),
        {"max_tokens": 32_000}),
    Asked("a budget in a long answer", fixed(10_000), {"max_tokens": 64_000}, enabled(10_000)),
    Asked("a budget above every limit", fixed(90_000), {"max_tokens": 1000}, enabled(31_999),
        {"max_tokens": 32_000}),
    Asked("a budget above a long answer", fixed(90_000), {"max_tokens": 64_000}, enabled(63_999)),
    Asked("a budget for a larger one", fixed(2000),
        {"max_tokens": 9000, "thinking": enabled(8000, display="omitted")},
        enabled(2000, display="omitted")),
    Asked("a budget for a smaller one", fixed(8000),
        {"max_tokens": 3000, "thinking": enabled(2000)}, enabled(8000), {"max_tokens": 9000}),
    Asked("a budget for one beyond the limit", fixed(2000),
        {"max_tokens": 3000, "thinking": enabled(32_000)}, enabled(2000), {"max_tokens": 5000}),
    Asked("a budget for the model's own choice", fixed(2000), {"max_tokens": 64_000, "thinking": SELF},
        enabled(2000)),
    Asked("a budget, and what may stand beside it", fixed(2000),
        {"max_tokens": 64_000, "temperature": 1, "top_p": 0.95}, enabled(2000)),
    Asked("a budget, and what may not", fixed(2000),
        {"max_tokens": 64_000, "temperature": 0.5, "top_p": 0.9, "top_k": 4}, enabled(2000),
        {"temperature": None, "top_p": None, "top_k": None}),
    Asked("a budget, and a forced tool", fixed(2000), {"tool_choice": {"type": "any"}}, DISABLED),
    Asked("a budget, and a named tool", fixed(2000), {"tool_choice": {"type": "tool", "name": "f"}}, DISABLED),
    Asked("a budget, and tools to choose from", fixed(2000),
        {"max_tokens": 64_000, "tool_choice": {"type": "auto"}}, enabled(2000)),
    Asked("a budget after a call without thoughts", fixed(2000), {"messages": called(CALL)}, DISABLED),
    Asked("a budget after a call with thoughts", fixed(2000),
        {"max_tokens": 64_000, "messages": called(THOUGHT, CALL)}, enabled(2000)),
    Asked("a budget after a call with another's thoughts", fixed(2000),
        {"messages": called(ELSEWHERE, CALL)}, DISABLED),
    Asked("a budget after a call, and a word of the system's", fixed(2000),
        {"messages": [*called(CALL), {"role": "system", "content": "x"}]}, DISABLED),
    Asked("a budget when the turn is over", fixed(2000),
        {"max_tokens": 64_000, "messages": [*called(CALL), *ASKS]}, enabled(2000)),
    Asked("a budget, and an answer that has begun", fixed(2000),
        {"messages": [*ASKS, {"role": "assistant", "content": "4, "}]}, DISABLED),
    Asked("the model decides", ADAPTIVE, {"thinking": enabled(2000, display="omitted")},
        {"type": "adaptive", "display": "omitted"}),
    Asked("the model decides after a call without thoughts", ADAPTIVE, {"messages": called(CALL)}, SELF),
    Asked("the model decides, but for sampling", ADAPTIVE, {"temperature": 0, "top_p": 1}, SELF,
        {"temperature": None}),
    Asked("the model decides, but for a forced tool", ADAPTIVE, {"tool_choice": {"type": "any"}}, DISABLED),
]  # fmt: skip


@pytest.mark.parametrize("case", ANTHROPIC, ids=lambda case: case.id)
def test_anthropic_gets_what_it_takes(case: Asked) -> None:
    request = {"model": "m", "max_tokens": 4000, "messages": ASKS} | case.told
    expected = request | case.changed | {"thinking": case.thinks}
    sent = anthropic_messages.with_thinking(request, case.thinking)
    assert sent == {name: value for name, value in expected.items() if value is not None}


# --- Everything else ---------------------------------------------------------------------------

# Fields in which thinking is told, and others that give way to it.
THINKING = {
    "openai_chat": {
        "reasoning_effort",
        "reasoning",
        "thinking",
        "enable_thinking",
        "thinking_budget",
        "chat_template_kwargs",
    },
    "openai_completions": {"reasoning_effort"},
    "openai_responses": {"reasoning"},
    "anthropic_messages": {
        "thinking",
        "max_tokens",
        "temperature",
        "top_p",
        "top_k",
        "context_management",
    },
    "gemini": {"generationConfig", "generation_config"},
    "gemini_array": {"generationConfig", "generation_config"},
    "ollama_chat": {"think"},
}
HOW = st.sampled_from([OFF, ADAPTIVE]) | st.builds(fixed, st.integers(1, 100_000))


@pytest.mark.parametrize("name", sorted(REQUESTS))
@given(data=st.data(), thinking=HOW)
def test_everything_else_stays_byte_for_byte(name: str, data: Any, thinking: Thinking) -> None:
    format = formats.for_client(name)
    request = data.draw(REQUESTS[name])
    written = wire.dumps(request)
    sent = format.with_thinking(request, thinking)
    assert wire.dumps(request) == written
    assert untouched(sent, name) == untouched(request, name)
    before, after = format.decode_request(request), format.decode_request(sent)
    assert after.messages == before.messages
    if thinking.mode == "off":
        assert not told(after)
    assert format.with_thinking(sent, thinking) == sent


def untouched(request: JSONDict, name: str) -> bytes:
    """What has nothing to do with thinking, in its order."""
    kept = {field: value for field, value in request.items() if field not in THINKING[name]}
    return wire.dumps(kept)


def told(prompt: Prompt) -> bool:
    """Is the model asked to think?"""
    return prompt.reasoning is not None and prompt.reasoning.enabled


@given(request=REQUESTS["gemini"], thinking=HOW)
def test_of_geminis_settings_only_the_one_changes(request: JSONDict, thinking: Thinking) -> None:
    format = formats.for_client("gemini")
    prompts = [
        msgspec.structs.replace(format.decode_request(body), reasoning=None)
        for body in (request, format.with_thinking(request, thinking))
    ]
    assert prompts[0] == prompts[1]


@given(request=REQUESTS["anthropic_messages"], thinking=HOW)
def test_what_anthropic_gets_it_does_not_refuse(request: JSONDict, thinking: Thinking) -> None:
    sent = anthropic_messages.with_thinking(request, thinking)
    kind = sent["thinking"]["type"]
    if kind == "disabled":
        edits = sent.get("context_management", {}).get("edits", [])
        assert not any("thinking" in edit["type"] for edit in edits)
        return
    assert sent.get("temperature", 1) == 1
    assert 0.95 <= sent.get("top_p", 1) <= 1
    assert "top_k" not in sent
    assert sent.get("tool_choice", {}).get("type") not in ("any", "tool")
    if kind == "enabled":
        assert 1024 <= sent["thinking"]["budget_tokens"] < sent["max_tokens"]
        assert sent["max_tokens"] <= max(32_000, request["max_tokens"])


OF_ONE_WORD = sorted(set(REQUESTS) - {"openai_chat", "anthropic_messages"})


@pytest.mark.parametrize("name", OF_ONE_WORD)
@given(data=st.data(), thinking=HOW)
def test_servers_of_other_formats_are_told_too(name: str, data: Any, thinking: Thinking) -> None:
    format = formats.for_client(name)
    sent = format.with_thinking(data.draw(REQUESTS[name]), thinking)
    assert told(format.decode_request(sent)) == (thinking.mode != "off")


@given(request=REQUESTS["openai_chat"], thinking=HOW)
def test_so_are_they_of_a_chat_in_openais_words(request: JSONDict, thinking: Thinking) -> None:
    dialects = THINKING["openai_chat"] - {"reasoning_effort"}
    plain = {name: value for name, value in request.items() if name not in dialects}
    prompt = openai_chat.decode_request(openai_chat.with_thinking(plain, thinking))
    assert told(prompt) == (thinking.mode != "off")


LEVELS = Quirks(reasoning="effort", efforts=("low", "high"))
FITTED = [
    ("chat, off where there is no none", "openai_chat", OFF, Quirks(efforts=("minimal", "high")), {},
        {"reasoning_effort": "minimal"}),
    ("chat, none where it is known", "openai_chat", OFF, Quirks(efforts=("none", "low")), {},
        {"reasoning_effort": "none"}),
    ("responses, the nearest", "openai_responses", fixed(60_000), Quirks(efforts=("low", "medium")), {},
        {"reasoning": {"effort": "medium"}}),
    ("messages, an effort for a budget", "anthropic_messages", fixed(3000),
        Quirks(reasoning="adaptive"), {"output_config": {"format": {"type": "text"}}},
        {"output_config": {"format": {"type": "text"}, "effort": "low"}, "thinking": {"type": "adaptive"}}),
    ("messages, the model decides and keeps the client's effort", "anthropic_messages", ADAPTIVE,
        Quirks(reasoning="adaptive"), {"output_config": {"effort": "max"}},
        {"output_config": {"effort": "max"}, "thinking": {"type": "adaptive"}}),
    ("messages, a budget for who decides nothing", "anthropic_messages", ADAPTIVE,
        Quirks(reasoning="budget"), {"max_tokens": 100},
        {"max_tokens": 8292, "thinking": {"type": "enabled", "budget_tokens": 8192}}),
    ("messages, no more than the model writes", "anthropic_messages", fixed(9000),
        Quirks(max_output_tokens=4096), {"max_tokens": 100},
        {"max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 4095}}),
    ("gemini, the lowest level for off", "gemini", OFF, LEVELS, {},
        config(thinkingConfig={"thinkingLevel": "LOW"})),
    ("gemini, a level for a budget", "gemini", fixed(50_000), LEVELS,
        config(thinkingConfig={"thinkingBudget": 1, "includeThoughts": True}),
        config(thinkingConfig={"includeThoughts": True, "thinkingLevel": "HIGH"})),
    ("gemini, the model decides unasked", "gemini", ADAPTIVE, LEVELS,
        config(thinkingConfig={"thinkingLevel": "HIGH"}), config(thinkingConfig={})),
    ("ollama, a level", "ollama_chat", fixed(60_000), LEVELS, {}, {"think": "high"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("format", "thinking", "quirks", "told", "sent"), [row[1:] for row in FITTED],
    ids=[row[0] for row in FITTED],
)  # fmt: skip
def test_a_model_is_told_in_a_way_that_it_takes(
    format: str, thinking: Thinking, quirks: Quirks, told: JSONDict, sent: JSONDict
) -> None:
    base: JSONDict = {"max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}
    request = base | told
    assert formats.for_client(format).with_thinking(request, thinking.at(quirks)) == base | sent
