"""An operator's text stands first in every format, and nothing else of a request changes."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import formats
from gateway.errors import BadRequest
from gateway.formats import gemini, ollama_chat, wire
from gateway.formats.types import JSONDict, Text
from tests.gateway.formats.bodies import REQUESTS

OURS = "Answer in French."
HI = {"role": "user", "content": "hi"}
MARKED = {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}
PART = {"type": "text", "text": OURS}
SAYS = [{"role": "user", "parts": [{"text": "hi"}]}]


@dataclass(frozen=True)
class Case:
    id: str
    format: str
    told: dict[str, Any]  # what of the request is said before it
    sent: dict[str, Any]  # and what stands there afterwards


def chat(*messages: Any) -> dict[str, Any]:
    return {"messages": [*messages, HI]}


def says(role: str, content: Any, **fields: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **fields}


CASES = [
    Case("chat, nothing", "openai_chat", chat(), chat(says("system", OURS))),
    Case("chat, a text", "openai_chat", chat(says("system", "Be brief.", name="n")),
        chat(says("system", f"{OURS}\n\nBe brief.", name="n"))),
    Case("chat, a developer's parts", "openai_chat", chat(says("developer", [MARKED])),
        chat(says("developer", [PART, MARKED]))),
    Case("chat, an empty text", "openai_chat", chat(says("system", "")), chat(says("system", OURS))),
    Case("chat, a system message without content", "openai_chat", chat({"role": "system"}),
        chat(says("system", OURS))),
    Case("chat, a system message later on", "openai_chat", chat(HI, says("system", "Be brief.")),
        chat(says("system", OURS), HI, says("system", "Be brief."))),
    Case("completions, nothing", "openai_completions", {"prompt": "Once"},
        {"prompt": "Once", "system": OURS}),
    Case("completions, a text", "openai_completions", {"prompt": "Once", "system": "Be brief."},
        {"prompt": "Once", "system": f"{OURS}\n\nBe brief."}),
    Case("responses, nothing", "openai_responses", {"input": "hi"},
        {"input": "hi", "instructions": OURS}),
    Case("responses, null", "openai_responses", {"instructions": None, "input": "hi"},
        {"instructions": OURS, "input": "hi"}),
    Case("responses, a text", "openai_responses", {"instructions": "Be brief.", "input": "hi"},
        {"instructions": f"{OURS}\n\nBe brief.", "input": "hi"}),
    Case("responses, a developer's item", "openai_responses", {"input": [says("developer", "x")]},
        {"input": [says("developer", "x")], "instructions": OURS}),
    Case("messages, nothing", "anthropic_messages", chat(), chat() | {"system": OURS}),
    Case("messages, a text", "anthropic_messages", {"system": "Be brief.", **chat()},
        {"system": f"{OURS}\n\nBe brief.", **chat()}),
    Case("messages, marked blocks", "anthropic_messages", {"system": [MARKED, MARKED], **chat()},
        {"system": [PART, MARKED, MARKED], **chat()}),
    Case("messages, no blocks", "anthropic_messages", {"system": [], **chat()},
        {"system": [PART], **chat()}),
    Case("gemini, nothing", "gemini", {"contents": SAYS},
        {"contents": SAYS, "systemInstruction": {"parts": [{"text": OURS}]}}),
    Case("gemini, parts", "gemini",
        {"systemInstruction": {"role": "user", "parts": [{"text": "Be brief."}]}, "contents": SAYS},
        {"systemInstruction": {"role": "user", "parts": [{"text": OURS}, {"text": "Be brief."}]},
            "contents": SAYS}),
    Case("gemini, the other spelling", "gemini",
        {"system_instruction": {"parts": [{"text": "Be brief."}]}, "contents": SAYS},
        {"system_instruction": {"parts": [{"text": OURS}, {"text": "Be brief."}]}, "contents": SAYS}),
    Case("gemini, one part alone", "gemini", {"systemInstruction": {"parts": {"text": "x"}}},
        {"systemInstruction": {"parts": [{"text": OURS}, {"text": "x"}]}}),
    Case("gemini, a text for parts", "gemini", {"systemInstruction": {"parts": "x"}},
        {"systemInstruction": {"parts": [{"text": OURS}, {"text": "x"}]}}),
    Case("gemini, a text", "gemini", {"systemInstruction": "Be brief."},
        {"systemInstruction": f"{OURS}\n\nBe brief."}),
    Case("ollama, nothing", "ollama_chat", chat(), chat(says("system", OURS))),
    Case("ollama, a text", "ollama_chat", chat(says("system", "Be brief.")),
        chat(says("system", f"{OURS}\n\nBe brief."))),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_operators_text_stands_first(case: Case) -> None:
    sent = formats.for_client(case.format).with_system(case.told, OURS)
    assert wire.dumps(sent) == wire.dumps(case.sent)


def test_a_request_that_only_loads_a_model_says_nothing() -> None:
    load = {"model": "m", "messages": []}
    assert ollama_chat.with_system(load, OURS) == load


@pytest.mark.parametrize("odd", [[{"text": "x"}], 5, True])
def test_an_instruction_of_the_wrong_type_is_refused_and_not_passed_by(odd: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        gemini.with_system({"contents": SAYS, "system_instruction": odd}, OURS)
    assert refused.value.param == "systemInstruction"


# The one field in which the text stands, in each format.
FIELDS = {
    "messages",
    "system",
    "instructions",
    "systemInstruction",
    "system_instruction",
}


@pytest.mark.parametrize("name", sorted(REQUESTS))
@given(data=st.data())
def test_everything_else_stays_byte_for_byte(name: str, data: Any) -> None:
    format = formats.for_client(name)
    request = data.draw(REQUESTS[name])
    written = wire.dumps(request)
    sent = format.with_system(request, OURS)
    assert wire.dumps(request) == written
    assert list(sent)[: len(request)] == list(request)
    changed = {field for field in sent if not same(sent, request, field)}
    assert len(changed) == 1
    assert changed <= FIELDS
    assert decoded_is_the_same_but_for_the_text(format, request, sent)


def same(one: JSONDict, other: JSONDict, field: str) -> bool:
    return field in other and wire.dumps(one[field]) == wire.dumps(other[field])


def decoded_is_the_same_but_for_the_text(
    format: formats.ClientFormat, request: JSONDict, sent: JSONDict
) -> bool:
    before, after = format.decode_request(request), format.decode_request(sent)
    first, *others = after.messages
    assert first.role in ("system", "developer")
    assert isinstance(first.parts[0], Text)
    assert first.parts[0].text.startswith(OURS)
    assert tuple(others) in (before.messages, before.messages[1:])
    bare = [msgspec.structs.replace(prompt, messages=()) for prompt in (before, after)]
    return bare[0] == bare[1]


@pytest.mark.parametrize("name", sorted(REQUESTS))
@given(data=st.data())
def test_two_turns_of_a_conversation_begin_with_the_same_bytes(name: str, data: Any) -> None:
    """The field with the system part is the same whatever follows: a cache lives on."""
    format = formats.for_client(name)
    request = data.draw(REQUESTS[name])
    longer = {field: grown(field, value) for field, value in request.items()}
    first, second = format.with_system(request, OURS), format.with_system(longer, OURS)
    for field in FIELDS & set(first):
        head = first[field]
        if field == "messages":
            assert wire.dumps(second[field][: len(head)]) == wire.dumps(head)
        else:
            assert wire.dumps(second[field]) == wire.dumps(head)


def grown(field: str, value: Any) -> Any:
    return [*value, HI] if field == "messages" else value
