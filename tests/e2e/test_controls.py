"""What a request says of itself by header, each as its key allows."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from accounts.models import CONTROLS
from tests.e2e.gateway import CLIENT, MANAGE_KEY, Gateway, copy, key_of, keyed, request_id, until
from tests.e2e.speakers import CHAT, GEMINI, MESSAGES, Speaker
from tests.e2e.upstream import Upstream


@pytest.fixture(scope="module")
def gateway(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = copy(prepared, tmp_path_factory.mktemp("controls"))
    Gateway(folder).apply(
        {
            "models": [
                {"id": "mk/talk", "input_price": 1, "output_price": 2},
                {"id": "well/talk", "input_price": 0, "output_price": 0},
            ],
            "combos": [
                {"name": "spread", "strategy": "round-robin", "targets": [
                    {"model": "mk/talk"}, {"model": "well/talk"}, {"model": "an/talk"},
                ]},
                {"name": "unpriced", "targets": [{"model": "an/talk"}]},
            ],
            "api_keys": [
                {"name": "all", "key": key_of("all"), "controls": list(CONTROLS)},
                {"name": "none", "key": key_of("none"), "controls": []},
                {"name": "usual", "key": key_of("usual")},
            ],
        }
    )  # fmt: skip
    gateway = Gateway(folder, "--no-worker", "--server", "uvicorn").start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


def ask(gateway: Gateway, model: str, key: str = "all", **controls: str) -> httpx.Response:
    headers = {f"x-omniroute-{name.replace('_', '-')}": value for name, value in controls.items()}
    return CHAT.ask(gateway, key_of(key), model, headers=headers)


def test_no_fallback_is_one_target_and_no_other(gateway: Gateway) -> None:
    assert ask(gateway, "after-500").status_code == 200
    alone = ask(gateway, "after-500", no_fallback="true")
    assert alone.status_code == 502
    attempts = json.loads(gateway.row(request_id(alone))["attempts"])
    assert {attempt["model"] for attempt in attempts} == {"mk/status-500"}
    assert ask(gateway, "after-500", no_fallback="false").status_code == 200


def test_of_the_accounts_of_one_model_too(gateway: Gateway) -> None:
    assert ask(gateway, "two/m").headers["x-omniroute-connection"] == "two-second"
    assert ask(gateway, "two/m", no_fallback="true").status_code == 502


def test_a_connection_is_the_one_that_answers(gateway: Gateway) -> None:
    for name in ("mk-main", "well-main", "an-main"):
        for _ in range(2):
            answer = ask(gateway, "spread", connection=name)
            assert answer.headers["x-omniroute-connection"] == name


def test_a_connection_that_does_not_serve_the_model_is_named(gateway: Gateway) -> None:
    answer = ask(gateway, "mk/talk", connection="rs-main")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == "x-omniroute-connection"
    assert "rs-main" in error["message"]


def test_a_session_stays_where_it_is(gateway: Gateway) -> None:
    def connections(**controls: str) -> list[str]:
        return [
            ask(gateway, "spread", **controls).headers["x-omniroute-connection"] for _ in range(4)
        ]

    assert len(set(connections())) == 3
    for session in ("a", "b", "c", "d"):
        assert len(set(connections(session=session))) == 1
    assert len({connections(session=f"s{n}")[0] for n in range(12)}) > 1


MOST = [
    ("mk/talk", "1", 200),
    ("mk/talk", "0.000001", 400),
    ("well/talk", "0", 200),  # free
    ("unpriced", "1000", 400),  # nobody knows
    ("spread", "0.000001", 200),  # the free one is left
]


@pytest.mark.parametrize(("model", "most", "status"), MOST)
def test_nothing_dearer_is_asked(gateway: Gateway, model: str, most: str, status: int) -> None:
    answer = ask(gateway, model, max_cost=most)
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["error"]["param"] == "x-omniroute-max-cost"
    elif model == "spread":
        assert answer.headers["x-omniroute-model"] == "well/talk"


def test_tags_stand_in_the_row_and_in_the_log_of_the_api(gateway: Gateway) -> None:
    answer = ask(gateway, "mk/talk", tags="team:web, prod")
    assert json.loads(gateway.row(request_id(answer))["tags"]) == ["team:web", "prod"]
    manage = keyed(MANAGE_KEY)
    item = CLIENT.get(f"{gateway.url}/api/logs/{request_id(answer)}", headers=manage).json()
    assert item["tags"] == ["team:web", "prod"]
    found = CLIENT.get(gateway.url + "/api/logs", params={"tag": "prod"}, headers=manage).json()
    assert [each["id"] for each in found["items"]] == [request_id(answer)]


def test_usage_is_told_by_tag(gateway: Gateway) -> None:
    last = [ask(gateway, "mk/talk", tags=tags) for tags in ("u:1,u:2", "u:1", "u:1,u:1")][-1]
    until(lambda: gateway.rows("id = ?", request_id(last)))
    answer = CLIENT.get(
        gateway.url + "/api/usage", params={"group": "tag"}, headers=keyed(MANAGE_KEY)
    )
    told = {item["tag"]: item for item in answer.json()["items"]}
    assert (told["u:1"]["requests"], told["u:2"]["requests"]) == (3, 1)
    assert told["u:1"]["input_tokens"] == 33


def test_tags_of_several_lines_are_all_taken(gateway: Gateway) -> None:
    lines = [("authorization", f"Bearer {key_of('all')}"),
             ("x-omniroute-tags", "one"), ("x-omniroute-tags", "two")]  # fmt: skip
    body = CHAT.body(False) | {"model": "mk/talk"}
    answer = CLIENT.post(gateway.url + "/v1/chat/completions", json=body, headers=lines)
    assert json.loads(gateway.row(request_id(answer))["tags"]) == ["one", "two"]


GOOD = {
    "no-fallback": "true", "no-cache": "true", "max-cost": "1", "connection": "mk-main",
    "session": "s", "tags": "t",
}  # fmt: skip


@pytest.mark.parametrize("name", CONTROLS)
@pytest.mark.parametrize("speaker", [CHAT, MESSAGES, GEMINI], ids=lambda speaker: speaker.id)
def test_one_that_the_key_may_not_use_is_a_403_that_names_it(
    gateway: Gateway, upstream: Upstream, speaker: Speaker, name: str
) -> None:
    before = len(upstream.seen)
    header = f"x-omniroute-{name}"
    answer = speaker.ask(gateway, key_of("none"), "mk/talk", headers={header: GOOD[name]})
    assert answer.status_code == 403
    assert header in answer.json()["error"]["message"]
    assert len(upstream.seen) == before
    assert gateway.row(request_id(answer))["status"] == 403
    usual = speaker.ask(gateway, key_of("usual"), "mk/talk", headers={header: GOOD[name]})
    assert usual.status_code == (403 if name == "connection" else 200)


BAD = {
    "no-fallback": ["", "yes"], "no-cache": ["2"], "max-cost": ["-1", "1e3", "a lot", "NaN"],
    "connection": ["", "%00"], "session": ["x" * 201], "tags": ["", "a b", ",".join("abcdefghijk")],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(n, v) for n in BAD for v in BAD[n]])
def test_a_bad_value_is_a_400_that_names_it(gateway: Gateway, name: str, value: str) -> None:
    answer = ask(gateway, "mk/talk", **{name: value})
    assert answer.status_code == 400
    error: dict[str, Any] = answer.json()["error"]
    assert error["param"] == f"x-omniroute-{name}"
    assert f"x-omniroute-{name}" in error["message"]


def test_another_header_of_that_prefix_is_somebody_elses(gateway: Gateway) -> None:
    assert ask(gateway, "mk/talk", "none", colour="blue").status_code == 200


def test_none_of_them_reaches_an_upstream(gateway: Gateway, upstream: Upstream) -> None:
    ask(gateway, "mk/talk", **{name.replace("-", "_"): value for name, value in GOOD.items()})
    assert not [name for name in upstream.seen[-1].headers if "omniroute" in name]
