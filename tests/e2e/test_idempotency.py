"""`Idempotency-Key` over real sockets: asked twice, done once, answered twice."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.e2e.gateway import CLIENT, Gateway, copy, key_of, keyed, request_id, until
from tests.e2e.speakers import (
    ARRAY,
    CHAT,
    GEMINI,
    MESSAGES,
    OLLAMA,
    RESPONSES,
    SPEAKERS,
    Speaker,
)
from tests.e2e.upstream import Upstream

KEYS = ("one", "two")


@pytest.fixture(scope="module")
def gateway(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = copy(prepared, tmp_path_factory.mktemp("idempotency"))
    keys: list[dict[str, Any]] = [{"name": name, "key": key_of(name)} for name in KEYS]
    keys.append({"name": "both", "key": key_of("both"), "cache": True})
    keys.append({"name": "few", "key": key_of("few"), "limits": {"rpm": 1}})
    Gateway(folder).apply({"settings": {"ollama_api": True}, "api_keys": keys})
    gateway = Gateway(folder, "--no-worker", "--server", "uvicorn").start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


def fresh() -> dict[str, str]:
    return {"idempotency-key": uuid4().hex}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: speaker.id)
def test_a_second_request_gets_the_first_ones_answer(
    gateway: Gateway, upstream: Upstream, speaker: Speaker, stream: bool
) -> None:
    headers, before = fresh(), len(upstream.seen)
    first = speaker.ask(gateway, key_of("one"), "mk/talk", stream=stream, headers=headers)
    again = speaker.ask(gateway, key_of("one"), "mk/talk", stream=stream, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200), first.text
    assert len(upstream.seen) == before + 1
    assert again.content == first.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["x-omniroute-model"] == "mk/talk"
    row = gateway.row(request_id(again))
    assert (row["status"], row["cache"], row["cost_picousd"]) == (200, "again", 0)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_of_fifty_at_once_one_is_done_and_all_are_answered(
    gateway: Gateway, upstream: Upstream, stream: bool
) -> None:
    headers, before = fresh(), len(upstream.of("slow"))

    def ask(_: int) -> httpx.Response:
        return CHAT.ask(gateway, key_of("one"), "mk/slow", stream=stream, headers=headers)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(ask, range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(upstream.of("slow")) == before + 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 49


def error_of(speaker: Speaker, answer: httpx.Response) -> Any:
    body = answer.json()
    return body["error"] if isinstance(body, dict) else body[0]["error"]


MISMATCH = [
    (CHAT, {"type": "invalid_request_error", "code": "idempotency_mismatch"}),
    (RESPONSES, {"type": "invalid_request_error", "code": "idempotency_mismatch"}),
    (MESSAGES, {"type": "invalid_request_error"}),
    (GEMINI, {"code": 422, "status": "INVALID_ARGUMENT"}),
    (ARRAY, {"code": 422, "status": "INVALID_ARGUMENT"}),
]


@pytest.mark.parametrize(("speaker", "said"), MISMATCH, ids=[s.id for s, _ in MISMATCH])
def test_another_request_under_the_same_key_is_a_422(
    gateway: Gateway, upstream: Upstream, speaker: Speaker, said: dict[str, Any]
) -> None:
    headers = fresh()
    speaker.ask(gateway, key_of("one"), "mk/talk", stream=True, headers=headers)
    before = len(upstream.seen)
    other = speaker.ask(
        gateway, key_of("one"), "mk/talk", stream=True, system=True, headers=headers
    )
    assert other.status_code == 422
    error = error_of(speaker, other)
    assert {name: error[name] for name in said} == said
    assert "Idempotency-Key" in error["message"]
    assert len(upstream.seen) == before


def test_ollamas_client_is_told_in_its_own_words(gateway: Gateway) -> None:
    headers = fresh()
    OLLAMA.ask(gateway, key_of("one"), "mk/talk", headers=headers)
    other = OLLAMA.ask(gateway, key_of("one"), "mk/talk", system=True, headers=headers)
    assert other.status_code == 422
    assert "Idempotency-Key" in other.json()["error"]


def test_a_stream_is_not_what_a_whole_answer_is(gateway: Gateway) -> None:
    headers = fresh()
    CHAT.ask(gateway, key_of("one"), "mk/talk", headers=headers)
    assert (
        CHAT.ask(gateway, key_of("one"), "mk/talk", stream=True, headers=headers).status_code == 422
    )


def test_a_key_is_of_one_api_key(gateway: Gateway, upstream: Upstream) -> None:
    headers, before = fresh(), len(upstream.seen)
    for name in KEYS:
        answer = CHAT.ask(gateway, key_of(name), "mk/talk", headers=headers)
        assert "idempotent-replayed" not in answer.headers
    assert len(upstream.seen) == before + 2


@pytest.mark.parametrize("status", [500, 503, 429, 401])
def test_what_may_be_different_next_time_is_asked_again(
    gateway: Gateway, upstream: Upstream, status: int
) -> None:
    headers, before = fresh(), len(upstream.seen)
    for _ in range(2):
        answer = CHAT.ask(gateway, key_of("one"), f"mk/status-{status}", headers=headers)
        assert answer.status_code in (429, 502)
        assert "idempotent-replayed" not in answer.headers
        middle = len(upstream.seen)
    assert middle >= before + 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_answer_that_says_that_the_request_is_wrong_is_final(
    gateway: Gateway, upstream: Upstream, stream: bool
) -> None:
    headers, before = fresh(), len(upstream.seen)
    answers = [
        CHAT.ask(gateway, key_of("one"), "mk/status-400", stream=stream, headers=headers)
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[1].content == answers[0].content
    assert answers[1].headers["content-type"] == "application/json"
    assert len(upstream.seen) == before + 1


def test_a_stream_that_broke_is_asked_again(gateway: Gateway, upstream: Upstream) -> None:
    headers, before = fresh(), len(upstream.of("ends-early"))
    for _ in range(2):
        answer = CHAT.ask(gateway, key_of("one"), "mk/ends-early", stream=True, headers=headers)
        assert "idempotent-replayed" not in answer.headers
    assert len(upstream.of("ends-early")) == before + 2


def test_a_client_that_leaves_has_no_answer_that_could_be_given(
    gateway: Gateway, upstream: Upstream
) -> None:
    headers = keyed(key_of("one")) | fresh()
    body = CHAT.body(False) | {"model": "mk/slow", "stream": True}
    before = len(upstream.of("slow"))
    url = gateway.url + "/v1/chat/completions"
    with CLIENT.stream("POST", url, json=body, headers=headers) as answer:
        next(answer.iter_raw())
    until(lambda: upstream.of("slow")[before].closed)
    again = CLIENT.post(url, json=body, headers=headers)
    assert again.text.endswith("data: [DONE]\n\n")
    assert len(upstream.of("slow")) == before + 2


def test_one_that_was_limited_may_come_again(gateway: Gateway) -> None:
    assert CHAT.ask(gateway, key_of("few"), "mk/talk").status_code == 200
    headers = fresh()
    for _ in range(2):
        limited = CHAT.ask(gateway, key_of("few"), "mk/talk", headers=headers)
        assert limited.status_code == 429
        assert "idempotent-replayed" not in limited.headers


def test_a_replay_takes_nothing_from_a_limit(gateway: Gateway) -> None:
    headers = fresh()
    CHAT.ask(gateway, key_of("one"), "mk/talk", headers=headers)
    again = [CHAT.ask(gateway, key_of("one"), "mk/talk", headers=headers) for _ in range(3)]
    assert all("idempotent-replayed" in answer.headers for answer in again)


def test_what_the_cache_answered_is_given_again_without_it(gateway: Gateway) -> None:
    more = {"seed": 77}
    CHAT.ask(gateway, key_of("both"), "mk/talk", more=more)
    headers = fresh()
    told = [
        CHAT.ask(gateway, key_of("both"), "mk/talk", more=more, headers=headers) for _ in range(2)
    ]
    assert [answer.headers.get("x-omniroute-cache") for answer in told] == ["hit", None]
    assert told[1].headers["idempotent-replayed"] == "true"
    assert told[1].content == told[0].content


def test_a_stored_response_is_made_once_and_has_one_id(gateway: Gateway) -> None:
    headers = fresh()
    answers = [
        RESPONSES.ask(gateway, key_of("one"), "mk/talk", more={"store": True}, headers=headers)
        for _ in range(2)
    ]
    assert len({json.loads(answer.content)["id"] for answer in answers}) == 1


@pytest.mark.parametrize("key", ["", "é", "x" * 256, "a\tb"], ids=["empty", "é", "long", "tab"])
def test_a_key_that_is_none_is_refused_by_name(gateway: Gateway, key: str) -> None:
    lines = [
        (b"authorization", f"Bearer {key_of('one')}".encode()),
        (b"idempotency-key", key.encode("latin-1")),
    ]
    body = CHAT.body(False) | {"model": "mk/talk"}
    answer = CLIENT.post(gateway.url + "/v1/chat/completions", json=body, headers=lines)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "Idempotency-Key"
