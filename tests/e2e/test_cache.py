"""The response cache over real sockets: the same request is answered as it was, and nobody else's."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.gateway import CLIENT, Gateway, copy, key_of, request_id
from tests.e2e.speakers import ARRAY, CHAT, MESSAGES, RESPONSES, SPEAKERS, Speaker
from tests.e2e.upstream import Upstream


def configured() -> dict[str, object]:
    def key(name: str, **more: object) -> dict[str, object]:
        return {"name": name, "key": key_of(name)} | more

    return {
        "settings": {"ollama_api": True},
        "models": [{"id": "mk/talk", "input_price": 1, "output_price": 2}],
        "combos": [
            {"name": "kept", "cache": True, "targets": [{"model": "mk/talk"}]},
            {"name": "unkept", "targets": [{"model": "mk/talk"}]},
        ],
        "api_keys": [
            key("opted", cache=True),
            key("opted2", cache=True),
            key("plain"),
            key("plain2"),
            key("poor", cache=True, budgets={"daily_requests": 1}, limits={"rpm": 2}),
            key("poor2", cache=True, budgets={"daily_tokens": 1200}),
            key("bound", cache=True, controls=[]),
            key("chooser", cache=True, controls=["connection"]),
        ],
    }


@pytest.fixture(scope="module")
def gateway(prepared: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = copy(prepared, tmp_path_factory.mktemp("cache"))  # type: ignore[arg-type]
    Gateway(folder).apply(configured())
    gateway = Gateway(folder, "--no-worker", "--server", "uvicorn").start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


@pytest.fixture(autouse=True)
def asked(upstream: Upstream) -> "Asked":
    return Asked(upstream)


class Asked:
    """How often the upstream was asked in a test."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream, self._before = upstream, len(upstream.seen)

    @property
    def times(self) -> int:
        return len(self._upstream.seen) - self._before


# Whole answers of Gemini's two ways to stream are the same.
CELLS = [
    (speaker, target, stream)
    for speaker in SPEAKERS
    for target in ("mk/talk", "an/talk", "rs/talk", "gm/talk")
    for stream in (False, True)
    if stream or speaker is not ARRAY
]


@pytest.mark.parametrize(
    ("speaker", "target", "stream"), CELLS,
    ids=[f"{speaker.id}-{target}-{'streamed' if stream else 'whole'}" for speaker, target, stream in CELLS],
)  # fmt: skip
def test_it_is_given_again_byte_for_byte(
    gateway: Gateway, asked: Asked, speaker: Speaker, target: str, stream: bool
) -> None:
    first = speaker.ask(gateway, key_of("opted"), target, stream=stream)
    again = speaker.ask(gateway, key_of("opted"), target, stream=stream)
    assert (first.status_code, again.status_code) == (200, 200), first.text
    assert asked.times == 1
    assert again.content == first.content
    told = [answer.headers.get("x-omniroute-cache") for answer in (first, again)]
    assert told == ["miss", "hit"]
    for name in ("content-type", "x-omniroute-provider", "x-omniroute-model",
                 "x-omniroute-connection", "x-omniroute-dropped"):  # fmt: skip
        assert again.headers.get(name) == first.headers.get(name)
    assert request_id(again) != request_id(first)


def test_its_row_says_hit_and_that_nothing_was_paid(gateway: Gateway) -> None:
    first = CHAT.ask(gateway, key_of("opted"), "mk/talk", more={"seed": 1})
    again = CHAT.ask(gateway, key_of("opted"), "mk/talk", more={"seed": 1})
    made, given = gateway.row(request_id(first)), gateway.row(request_id(again))
    assert (made["cache"], given["cache"]) == ("miss", "hit")
    assert made["cost_picousd"] > 0
    assert given["cost_picousd"] == 0
    assert (given["provider"], given["model"], given["connection"]) == ("mk", "mk/talk", "mk-main")
    assert (given["status"], given["outcome"], json.loads(given["attempts"])) == (200, "ok", [])


def test_no_budget_and_no_limit_is_charged(gateway: Gateway, asked: Asked) -> None:
    answers = [CHAT.ask(gateway, key_of("poor"), "mk/talk") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert CHAT.ask(gateway, key_of("poor"), "mk/talk", more={"seed": 2}).status_code == 402
    assert asked.times == 1


def test_hits_do_not_fill_a_budget_of_tokens_later(gateway: Gateway) -> None:
    # 16 tokens a call; of 1,200, an answer of up to 1,000 fits as long as next to nothing is used.
    limit = {"max_tokens": 1000}
    last = [CHAT.ask(gateway, key_of("poor2"), "mk/talk", more=limit) for _ in range(30)][-1]
    assert last.headers["x-omniroute-cache"] == "hit"
    gateway.row(request_id(last))  # it is in the log, which the budgets are counted from
    fresh = CHAT.ask(gateway, key_of("poor2"), "mk/talk", more=limit | {"seed": 3})
    assert fresh.status_code == 200


HOW = [
    ("a key that opted in", "opted", "unkept", {}, True),
    ("a combo that opted in", "plain", "kept", {}, True),
    ("the header", "plain", "unkept", {"x-omniroute-cache": "on"}, True),
    ("nobody", "plain", "unkept", {}, False),
    ("the header of one that opted in says off", "opted", "unkept", {"x-omniroute-cache": "off"}, False),
    ("no-cache", "opted", "kept", {"x-omniroute-no-cache": "true"}, False),
    ("no-cache against the header", "plain", "kept",
     {"x-omniroute-cache": "on", "x-omniroute-no-cache": "1"}, False),
    ("no-cache that says false", "opted", "kept", {"x-omniroute-no-cache": "false"}, True),
]  # fmt: skip


@pytest.mark.parametrize(("who", "key", "model", "headers", "kept"), HOW, ids=[h[0] for h in HOW])
def test_who_opts_in(
    gateway: Gateway, asked: Asked, who: str, key: str, model: str, headers: dict[str, str], kept: bool
) -> None:  # fmt: skip
    more = {"metadata": {"case": who}}
    answers = [CHAT.ask(gateway, key_of(key), model, more=more, headers=headers) for _ in range(2)]
    told = [answer.headers.get("x-omniroute-cache") for answer in answers]
    assert told == (["miss", "hit"] if kept else [None, None])
    assert asked.times == (1 if kept else 2)


def test_no_cache_writes_nothing_either(gateway: Gateway, asked: Asked) -> None:
    more = {"seed": 4}
    CHAT.ask(
        gateway, key_of("opted"), "mk/talk", more=more, headers={"x-omniroute-no-cache": "true"}
    )
    after = CHAT.ask(gateway, key_of("opted"), "mk/talk", more=more)
    assert after.headers["x-omniroute-cache"] == "miss"


def test_a_key_never_gets_anothers_answer(gateway: Gateway, asked: Asked) -> None:
    answers = [CHAT.ask(gateway, key_of(name), "kept", more={"seed": 5})
               for name in ("opted", "opted2", "plain", "plain2")]  # fmt: skip
    assert [answer.headers["x-omniroute-cache"] for answer in answers] == ["miss"] * 4
    assert asked.times == 4


OTHERS = [
    {"seed": 7}, {"temperature": 0.1}, {"user": "eve"}, {"metadata": {"a": "b"}}, {"n": 1},
    {"messages": [{"role": "user", "content": "Say Hello."}]},
]  # fmt: skip


@pytest.mark.parametrize("more", OTHERS, ids=json.dumps)
def test_another_request_is_another_answer(gateway: Gateway, more: dict[str, object]) -> None:
    CHAT.ask(gateway, key_of("opted"), "mk/talk")
    other = CHAT.ask(gateway, key_of("opted"), "mk/talk", more=more)
    assert other.headers["x-omniroute-cache"] == "miss"


def test_the_order_of_names_makes_no_other_request(gateway: Gateway) -> None:
    CHAT.ask(gateway, key_of("opted"), "mk/talk", more={"seed": 8, "top_p": 1})
    same = CHAT.ask(gateway, key_of("opted"), "mk/talk", more={"top_p": 1, "seed": 8})
    assert same.headers["x-omniroute-cache"] == "hit"


def test_features_asked_for_by_header_are_part_of_the_request(gateway: Gateway) -> None:
    told = [
        MESSAGES.ask(gateway, key_of("opted"), "an/talk", more={"top_k": 3}, headers=headers)
        for headers in ({"anthropic-beta": "a"}, {"anthropic-beta": "b"}, {"anthropic-beta": "a"})
    ]
    assert [answer.headers["x-omniroute-cache"] for answer in told] == ["miss", "miss", "hit"]


def test_a_header_is_not_taken_for_another_of_the_same_value(gateway: Gateway) -> None:
    for name in ("anthropic-beta", "x-omniroute-connection"):
        headers = {name: "an-main"}
        answer = MESSAGES.ask(
            gateway, key_of("chooser"), "an/talk", more={"top_k": 4}, headers=headers
        )
        assert answer.headers["x-omniroute-cache"] == "miss"


def test_all_lines_of_a_header_are_part_of_the_request(gateway: Gateway) -> None:
    told = []
    for first in ("a", "b"):
        lines = [("anthropic-beta", first), ("anthropic-beta", "c")]
        body = MESSAGES.body(False) | {"model": "an/talk", "top_k": 5}
        credential = ("authorization", f"Bearer {key_of('opted')}")
        answer = CLIENT.post(gateway.url + "/v1/messages", json=body, headers=[*lines, credential])
        told.append(answer.headers["x-omniroute-cache"])
    assert told == ["miss", "miss"]


@pytest.mark.parametrize("more", [{}, {"store": True}, {"store": None}], ids=json.dumps)
def test_a_response_that_is_stored_is_made_each_time(
    gateway: Gateway, asked: Asked, more: dict[str, object]
) -> None:
    body = {"model": "rs/talk", "input": "Hi"} | more
    answers = [gateway.post("/v1/responses", body, authorization=f"Bearer {key_of('opted')}")
               for _ in range(2)]  # fmt: skip
    assert [answer.headers.get("x-omniroute-cache") for answer in answers] == [None, None]
    assert asked.times == 2


def test_a_response_that_refers_to_a_stored_one_is_made_each_time(gateway: Gateway) -> None:
    stored = RESPONSES.ask(gateway, key_of("opted"), "rs/talk", more={"store": True}).json()["id"]
    more = {"previous_response_id": stored}
    answers = [RESPONSES.ask(gateway, key_of("opted"), "rs/talk", more=more) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers.get("x-omniroute-cache") for answer in answers] == [None, None]


@pytest.mark.parametrize("model", ["mk/status-500", "mk/status-400", "mk/ends-early"])
def test_an_error_and_a_broken_stream_are_not_kept(
    gateway: Gateway, asked: Asked, model: str
) -> None:
    for _ in range(2):
        answer = CHAT.ask(gateway, key_of("opted"), model, stream=True)
        assert answer.headers.get("x-omniroute-cache") == "miss"
    assert asked.times >= 2


def test_a_wrong_header_is_named(gateway: Gateway, asked: Asked) -> None:
    answer = CHAT.ask(gateway, key_of("plain"), "mk/talk", headers={"x-omniroute-cache": "yes"})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "x-omniroute-cache"
    assert asked.times == 0


def test_a_key_that_may_not_refuse_the_cache_is_told_so(gateway: Gateway) -> None:
    answer = CHAT.ask(gateway, key_of("bound"), "mk/talk", headers={"x-omniroute-no-cache": "true"})
    assert answer.status_code == 403
    assert "x-omniroute-no-cache" in answer.json()["error"]["message"]
