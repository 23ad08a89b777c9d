"""Requests as clients send them, drawn at random: one strategy for each client's format."""

from typing import Any

from hypothesis import strategies as st

from gateway.formats.types import JSONDict

Bodies = st.SearchStrategy[JSONDict]

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
WORDS = TEXT.filter(bool)
LEAF = st.none() | st.booleans() | st.integers(-9, 9) | TEXT
ANY = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
# Fields that no format knows: they are passed on, and nothing touches them.
UNKNOWN = st.dictionaries(st.sampled_from(["x_one", "xTwo", "x-three"]), ANY, max_size=2)
TEMPERATURE = st.sampled_from([0, 0.5, 1])
TOP_P = st.sampled_from([0.1, 0.95, 1])
SCHEMA = st.just({"type": "object", "properties": {"a_b": {"type": "string"}}})


def objects(needed: dict[str, Any], optional: dict[str, Any] | None = None) -> Bodies:
    return st.fixed_dictionaries(needed, optional=optional or {})


def of(needed: dict[str, Any], optional: dict[str, Any]) -> Bodies:
    """Bodies with these fields and unknown ones between them, in any order."""
    known = objects(needed, optional)
    both = st.tuples(known, UNKNOWN).map(lambda pair: [*pair[0].items(), *pair[1].items()])
    return both.flatmap(st.permutations).map(dict)


CACHE = {"cache_control": st.just({"type": "ephemeral"})}

# --- Chat Completions ------------------------------------------------------------------------

_PARTS = st.lists(
    objects({"type": st.just("text"), "text": TEXT}, CACHE)
    | objects({"type": st.just("image_url"), "image_url": st.just({"url": "https://x/y.png"})}),
    max_size=3,
)
_MESSAGE = objects(
    {
        "role": st.sampled_from(["system", "developer", "user", "assistant"]),
        "content": TEXT | _PARTS,
    },
    {"name": WORDS},
)
_EFFORT = st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh"])
CHAT = of(
    {"model": st.just("m"), "messages": st.lists(_MESSAGE, min_size=1, max_size=4)},
    {
        "temperature": TEMPERATURE,
        "max_tokens": st.integers(1, 9000),
        "reasoning_effort": _EFFORT,
        "reasoning": st.sampled_from([{"effort": "high"}, {"max_tokens": 9}, {"exclude": True}]),
        "thinking": st.sampled_from([{"type": "enabled", "budget_tokens": 9}, {"type": "auto"}]),
        "enable_thinking": st.booleans(),
        "thinking_budget": st.integers(1, 9000),
        "chat_template_kwargs": st.sampled_from([{"x": 1}, {"enable_thinking": True, "x": 1}]),
        "stop": WORDS,
    },
)
COMPLETIONS = of(
    {"model": st.just("m"), "prompt": WORDS},
    {"system": TEXT, "temperature": TEMPERATURE, "reasoning_effort": _EFFORT},
)

# --- Responses -------------------------------------------------------------------------------

_ITEM = objects(
    {
        "type": st.just("message"),
        "role": st.sampled_from(["system", "developer", "user"]),
        "content": TEXT | st.lists(objects({"type": st.just("input_text"), "text": TEXT})),
    },
)
RESPONSES = of(
    {"model": st.just("m"), "input": WORDS | st.lists(_ITEM, min_size=1, max_size=3)},
    {
        "instructions": st.none() | TEXT,
        "reasoning": objects({}, {"effort": _EFFORT, "summary": st.just("auto")}),
        "include": st.just(["reasoning.encrypted_content"]),
        "temperature": TEMPERATURE,
        "max_output_tokens": st.integers(1, 9000),
    },
)

# --- Anthropic -------------------------------------------------------------------------------

_BLOCKS = st.lists(objects({"type": st.just("text"), "text": TEXT}, CACHE), max_size=3)
_THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": "c2ln"}
_CALL = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
_RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "2"}
_ENDS = st.sampled_from(
    [
        [],
        [{"role": "assistant", "content": "Once"}],
        [{"role": "assistant", "content": [_CALL]}, {"role": "user", "content": [_RESULT]}],
        [
            {"role": "assistant", "content": [_THOUGHT, _CALL]},
            {"role": "user", "content": [_RESULT]},
        ],
    ]
)
_TURN = objects(
    {"role": st.sampled_from(["user", "assistant", "system"]), "content": TEXT | _BLOCKS}
)
_TURNS = st.builds(lambda turns, end: turns + end, st.lists(_TURN, min_size=1, max_size=3), _ENDS)
_CHOICES = [{"type": "auto"}, {"type": "any"}, {"type": "tool", "name": "f"}, {"type": "none"}]
_CLEARING = {"type": "clear_thinking_20251015", "keep": "all"}
MESSAGES = of(
    {"model": st.just("m"), "max_tokens": st.integers(1, 70_000), "messages": _TURNS},
    {
        "system": st.none() | TEXT | _BLOCKS,
        "thinking": st.sampled_from(
            [
                {"type": "enabled", "budget_tokens": 2000, "display": "omitted"},
                {"type": "adaptive"},
                {"type": "disabled"},
            ]
        ),
        "temperature": TEMPERATURE,
        "top_p": TOP_P,
        "top_k": st.integers(1, 9),
        "tool_choice": st.sampled_from(_CHOICES),
        "output_config": st.just({"effort": "high"}),
        "context_management": st.sampled_from(
            [
                {"edits": [_CLEARING]},
                {"edits": [_CLEARING, {"type": "clear_tool_uses_20250919"}]},
            ]
        ),
    },
)

# --- Gemini ----------------------------------------------------------------------------------

_GEMINI_PARTS = st.lists(objects({"text": TEXT}), min_size=1, max_size=2)
_CONTENT = objects({"role": st.sampled_from(["user", "model"]), "parts": _GEMINI_PARTS})
_INSTRUCTION = TEXT | objects({"parts": _GEMINI_PARTS | objects({"text": TEXT}) | TEXT})
_LEVELS = st.sampled_from(["LOW", "HIGH", "THINKING_LEVEL_UNSPECIFIED"])


def _gemini(instruction: str, generation: str, thinking: str, level: str, shown: str) -> Bodies:
    asked = objects({}, {level: _LEVELS, shown: st.booleans()})
    config = objects({}, {thinking: asked, "temperature": TEMPERATURE, "seed": st.integers(0, 9)})
    return of(
        {"contents": st.lists(_CONTENT, min_size=1, max_size=3)},
        {instruction: _INSTRUCTION, generation: st.none() | config},
    )


GEMINI = _gemini(
    "systemInstruction", "generationConfig", "thinkingConfig", "thinkingLevel", "includeThoughts"
) | _gemini(
    "system_instruction",
    "generation_config",
    "thinking_config",
    "thinking_level",
    "include_thoughts",
)

# --- Ollama ----------------------------------------------------------------------------------

_OLLAMA_MESSAGE = objects(
    {"role": st.sampled_from(["system", "user", "assistant"]), "content": TEXT},
    {"images": st.just(["iVBORw0KGgo"])},
)
OLLAMA = of(
    {"model": st.just("m"), "messages": st.lists(_OLLAMA_MESSAGE, min_size=1, max_size=4)},
    {
        "think": st.none() | st.booleans() | st.sampled_from(["low", "high"]),
        "options": objects({}, {"temperature": TEMPERATURE}),
    },
)

REQUESTS: dict[str, Bodies] = {
    "openai_chat": CHAT,
    "openai_completions": COMPLETIONS,
    "openai_responses": RESPONSES,
    "anthropic_messages": MESSAGES,
    "gemini": GEMINI,
    "gemini_array": GEMINI,
    "ollama_chat": OLLAMA,
}
