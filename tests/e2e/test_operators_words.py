"""What an operator says to every model, and how much it may think, as the upstream saw it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.gateway import CLIENT, Gateway, copy, key_of, keyed, until
from tests.e2e.speakers import (
    CHAT,
    CLIENTS_OWN,
    GEMINI,
    MESSAGES,
    OLLAMA,
    RESPONSES,
    SAID,
    SPEAKERS,
    Speaker,
    system_of,
    words,
)
from tests.e2e.upstream import Seen, Upstream

OURS = "Operator: speak like a canary 5e1f."
GLOBAL = "Everybody: be brief, canary 77aa."
UPSTREAMS = ("mk/talk", "an/talk", "rs/talk", "gm/talk")


@pytest.fixture(scope="module")
def gateway(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = copy(prepared, tmp_path_factory.mktemp("words"))
    Gateway(folder).apply(
        {
            "settings": {
                "system_prompt": GLOBAL, "ollama_api": True, "log_bodies": True,
                "thinking": "passthrough",
            },
            "models": [
                {"id": "mk/agent", "quirks": {"efforts": ["low", "high"]}},
                {"id": "an/agent", "quirks": {"reasoning": "adaptive"}},
                {"id": "an/person", "quirks": {"reasoning": "none"}},
                {"id": "gm/agent", "quirks": {"reasoning": "effort", "efforts": ["low", "high"]}},
                {"id": "rs/agent", "quirks": {"efforts": ["low", "high"]}},
                {"id": "mk/person", "quirks": {"reasoning": "none"}},
                {"id": "rs/person", "quirks": {"reasoning": "none"}},
                {"id": "gm/person", "quirks": {"reasoning": "none"}},
            ],
            "api_keys": [
                {"name": "said", "key": key_of("said"), "system_prompt": OURS},
                {"name": "unsaid", "key": key_of("unsaid")},
                {"name": "off", "key": key_of("off"), "thinking": "off"},
                {"name": "fixed", "key": key_of("fixed"), "thinking": "fixed", "thinking_budget": 3000},
                {"name": "adaptive", "key": key_of("adaptive"), "thinking": "adaptive"},
                {"name": "as-asked", "key": key_of("as-asked"), "thinking": "passthrough"},
            ],
        }
    )  # fmt: skip
    gateway = Gateway(folder, "--no-worker", "--server", "uvicorn").start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


CELLS = [
    (speaker, target, stream)
    for speaker in SPEAKERS
    for target in UPSTREAMS
    for stream in (False, True)
]
IDS = [f"{s.id}-{target}-{'streamed' if stream else 'whole'}" for s, target, stream in CELLS]
SAME = {("chat", "mk"), ("messages", "an"), ("responses", "rs"), ("gemini", "gm"), ("gemini-array", "gm")}  # fmt: skip


# --- System prompts --------------------------------------------------------------------------


@pytest.mark.parametrize(("speaker", "target", "stream"), CELLS, ids=IDS)
def test_the_operators_prompt_is_first_and_stays_between_the_two_of_us(
    gateway: Gateway, upstream: Upstream, speaker: Speaker, target: str, stream: bool
) -> None:
    for system in (False, True):
        answer = speaker.ask(gateway, key_of("said"), target, stream=stream, system=system)
        assert answer.status_code == 200, answer.text
        told = "\n\n".join(system_of(upstream.seen[-1]))
        assert told.startswith(OURS)
        assert told.count(OURS) == 1
        assert (CLIENTS_OWN in told) == system
        assert GLOBAL not in told  # a key's own replaces it
        if (speaker.id, target[:2]) not in SAME:
            assert "canary" not in words(answer)


@pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: speaker.id)
def test_a_key_without_one_has_everybodys(
    gateway: Gateway, upstream: Upstream, speaker: Speaker
) -> None:
    speaker.ask(gateway, key_of("unsaid"), "an/talk")
    assert system_of(upstream.seen[-1]) == [GLOBAL]


@pytest.mark.parametrize(("speaker", "target", "stream"), CELLS, ids=IDS)
def test_what_is_sent_is_the_same_to_the_byte_at_each_call(
    gateway: Gateway, upstream: Upstream, speaker: Speaker, target: str, stream: bool
) -> None:
    sent = []
    for _ in range(2):
        speaker.ask(gateway, key_of("said"), target, stream=stream, system=True)
        sent.append(upstream.seen[-1].raw)
    assert sent[0] == sent[1]


RELAYED: list[tuple[Speaker, str, dict[str, Any], str]] = [
    (CHAT, "mk/talk", {"vendor": {"a": [1, None]}, "temperature": 0.5}, "messages"),
    (MESSAGES, "an/talk", {"vendor": 1, "metadata": {"user_id": "u"},
     "system": [{"type": "text", "text": CLIENTS_OWN, "cache_control": {"type": "ephemeral"}}]}, "system"),
    (RESPONSES, "rs/talk", {"vendor": 1, "instructions": CLIENTS_OWN}, "instructions"),
    (GEMINI, "gm/talk", {"vendor": 1, "systemInstruction": {"role": "user", "parts": [{"text": CLIENTS_OWN}]}},
     "systemInstruction"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("speaker", "target", "more", "place"), RELAYED, ids=[r[0].id for r in RELAYED]
)
def test_a_relayed_request_keeps_all_else(
    gateway: Gateway, upstream: Upstream, speaker: Speaker, target: str, more: Any, place: str
) -> None:
    body = speaker.body(True) | more
    speaker.ask(gateway, key_of("said"), target, system=True, more=more)
    sent = upstream.seen[-1].body
    own = {n: v for n, v in body.items() if n != place}
    assert {n: v for n, v in sent.items() if n not in (place, "model", "stream")} == own
    if place == "system":  # the client's part, its cache mark included, follows the operator's
        assert sent["system"] == [{"type": "text", "text": OURS}, *more["system"]]
    if place == "systemInstruction":
        assert sent[place]["role"] == "user"
    if place == "messages":
        assert sent["messages"][1:] == [{"role": "user", "content": SAID}]


@pytest.mark.parametrize("target", ["mk/talk", "an/talk", "rs/talk"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_it_stands_in_no_stored_response_and_in_no_later_turn_twice(
    gateway: Gateway, upstream: Upstream, target: str, stream: bool
) -> None:
    key = keyed(key_of("said"))
    more = {"store": True, "instructions": CLIENTS_OWN}
    answer = RESPONSES.ask(gateway, key_of("said"), target, stream=stream, more=more)
    rows = until(lambda: _stored(gateway))
    id = rows[-1]
    assert id in answer.text
    for path in (f"/v1/responses/{id}", f"/v1/responses/{id}/input_items"):
        kept = CLIENT.get(gateway.url + path, headers=key)
        assert kept.status_code == 200
        assert "canary" not in kept.text
    whole = CLIENT.get(f"{gateway.url}/v1/responses/{id}", headers=key).json()
    assert whole["instructions"] == CLIENTS_OWN
    again = {"store": False, "previous_response_id": id}
    assert RESPONSES.ask(gateway, key_of("said"), target, more=again).status_code == 200
    told = "\n\n".join(system_of(upstream.seen[-1]))
    assert told.count(OURS) == 1


def _stored(gateway: Gateway) -> list[str]:
    import sqlite3

    with sqlite3.connect(f"file:{gateway.folder / 'omniroute.db'}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT id FROM analytics_storedresponse ORDER BY created")
        return [row[0] for row in rows]


def test_it_stands_in_no_kept_request(gateway: Gateway) -> None:
    answer = CHAT.ask(gateway, key_of("said"), "an/talk", system=True)
    row = gateway.row(answer.headers["x-request-id"])
    assert CLIENTS_OWN in row["request_body"]
    assert "canary" not in row["request_body"] + row["response_body"] + row["trace"]


# --- Thinking --------------------------------------------------------------------------------


def thinking_of(seen: Seen) -> Any:
    """What an upstream was told of thinking, in its format's own words; None: nothing."""
    body = seen.body
    if "contents" in body:
        told = body.get("generationConfig", {}).get("thinkingConfig", {})
        return {n: v for n, v in told.items() if n != "includeThoughts"} or None
    if seen.path.endswith("/messages"):
        return body.get("thinking")
    if "input" in body:
        return body.get("reasoning", {}).get("effort")
    return body.get("reasoning_effort")


ASKING: dict[str, dict[str, Any]] = {
    "chat": {"reasoning_effort": "high"},
    "responses": {"reasoning": {"effort": "high"}},
    "messages": {"thinking": {"type": "enabled", "budget_tokens": 16_384}, "max_tokens": 20_000},
    "gemini": {"generationConfig": {"thinkingConfig": {"thinkingBudget": 16_384}}},
    "ollama": {"think": "high"},
}
NOTHING = {"type": "disabled"}, None
BUDGET = {"type": "enabled", "budget_tokens": 3000}
FREE = [None, "medium", {"type": "adaptive"}, {"thinkingBudget": -1},
        {"type": "enabled", "budget_tokens": 8192}, {"thinkingBudget": 8192}, "adaptive"]  # fmt: skip
# What may be said by an operator's mode at an upstream, by the upstream.
MEANS: dict[str, dict[str, list[Any]]] = {
    "off": {"mk": ["none", None], "an": [{"type": "disabled"}, None], "rs": ["none", None],
            "gm": [{"thinkingBudget": 0}]},
    "fixed": {"mk": ["low"], "an": [BUDGET, {"type": "enabled", "budget_tokens": 2048}],
              "rs": ["low"], "gm": [{"thinkingBudget": 3000}, {"thinkingBudget": 2048}]},
    "adaptive": dict.fromkeys(("mk", "an", "rs", "gm"), FREE),
}  # fmt: skip
THINKERS = (CHAT, RESPONSES, MESSAGES, GEMINI, OLLAMA)


@pytest.mark.parametrize("asks", [False, True], ids=["unasked", "asked"])
@pytest.mark.parametrize("target", UPSTREAMS)
@pytest.mark.parametrize("speaker", THINKERS, ids=lambda speaker: speaker.id)
@pytest.mark.parametrize("mode", MEANS)
def test_a_model_thinks_as_the_operator_says(
    gateway: Gateway, upstream: Upstream, mode: str, speaker: Speaker, target: str, asks: bool
) -> None:
    more = ASKING[speaker.id] if asks else {"max_tokens": 20_000} if speaker is MESSAGES else {}
    answer = speaker.ask(gateway, key_of(mode), target, more=more)
    assert answer.status_code == 200, answer.text
    if speaker is OLLAMA and mode == "fixed":
        return  # Ollama knows yes and no: see below
    assert thinking_of(upstream.seen[-1]) in MEANS[mode][target[:2]]


@pytest.mark.parametrize("speaker", THINKERS, ids=lambda speaker: speaker.id)
def test_passthrough_leaves_it_to_the_client(
    gateway: Gateway, upstream: Upstream, speaker: Speaker
) -> None:
    speaker.ask(gateway, key_of("as-asked"), "mk/talk", more=ASKING[speaker.id])
    asked = thinking_of(upstream.seen[-1])
    speaker.ask(gateway, key_of("unsaid"), "mk/talk", more=ASKING[speaker.id])
    assert asked == thinking_of(upstream.seen[-1]) == "high"


FITTED = [
    # A model that knows two efforts gets the nearest, one that knows no budgets none.
    ("adaptive", CHAT, "mk/agent", ["low", "high"]),
    ("fixed", CHAT, "mk/agent", ["low"]),
    ("off", CHAT, "mk/agent", [None, "low"]),
    ("fixed", MESSAGES, "an/agent", [{"type": "adaptive"}]),
    ("fixed", MESSAGES, "an/person", [None]),
    ("off", MESSAGES, "an/person", [None]),
    ("adaptive", MESSAGES, "an/talk", FREE),
    ("fixed", GEMINI, "gm/agent", [{"thinkingLevel": "LOW"}, {"thinkingLevel": "low"}]),
    ("off", GEMINI, "gm/agent", [{"thinkingLevel": "LOW"}, {"thinkingLevel": "low"}]),
    ("adaptive", GEMINI, "gm/agent", [None]),
    ("fixed", GEMINI, "gm/person", [None]),
    ("off", RESPONSES, "rs/agent", [None, "low"]),
    ("adaptive", RESPONSES, "rs/agent", ["low", "high"]),
    ("fixed", CHAT, "mk/person", [None]),
    ("fixed", RESPONSES, "rs/person", [None]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "speaker", "target", "expected"), FITTED, ids=[f"{m}-{t}" for m, _, t, _ in FITTED]
)
def test_a_relayed_request_asks_for_what_the_model_can(
    gateway: Gateway, upstream: Upstream, mode: str, speaker: Speaker, target: str, expected: Any
) -> None:
    more = {"max_tokens": 20_000} if speaker is MESSAGES else {}
    answer = speaker.ask(gateway, key_of(mode), target, more=more)
    assert answer.status_code == 200, answer.text
    assert thinking_of(upstream.seen[-1]) in expected
