"""Calls that a page makes: with a session and a key of one's own, and as any client's are made."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.gateway import CLIENT, HELLO, KEY, Gateway, copy, key_of, keyed, request_id, until
from tests.e2e.signed_in import Session
from tests.e2e.upstream import WORDS, Upstream

MEMBERS_KEY = key_of("members")


@pytest.fixture(scope="module", params=["uvicorn", "daphne"])
def played(
    request: pytest.FixtureRequest, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """A gateway with a member and a viewer, who have a key each."""
    folder = copy(prepared, tmp_path_factory.mktemp("played"))
    gateway = Gateway(folder, "--no-worker", "--server", request.param, MAX_BODY_MB="8")
    gateway.apply({
        "users": [
            {"username": "ann", "role": "member", "budgets": {"monthly_requests": 3}},
            {"username": "vera", "role": "viewer"},
        ],
        "api_keys": [
            {"name": "anns", "key": MEMBERS_KEY, "owner": "ann", "allowed_models": ["mk/*"]},
            {"name": "veras", "key": key_of("veras"), "owner": "vera"},
            {"name": "anns-from-afar", "key": key_of("afar"), "owner": "ann",
             "allowed_ips": ["192.0.2.0/24"]},
        ],
    })  # fmt: skip
    gateway.start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


@pytest.fixture(scope="module")
def admin(played: Gateway) -> Iterator[Session]:
    session = Session(played)
    yield session
    session.close()


@pytest.fixture(scope="module")
def ann(played: Gateway) -> Iterator[Session]:
    session = Session(played, "ann")
    yield session
    session.close()


def path_of(gateway: Gateway, name: str) -> str:
    with sqlite3.connect(f"file:{gateway.folder / 'omniroute.db'}?mode=ro", uri=True) as database:
        query = "SELECT id FROM accounts_apikey WHERE name = ?"
        (pk,) = database.execute(query, [name]).fetchone()
    return f"/playground/call/{pk}/"


def chat(model: str = "mk/plain", **more: object) -> dict[str, object]:
    return {"model": model, "messages": HELLO, **more}


def test_a_session_calls_with_a_key_of_its_user_and_the_row_is_that_keys(
    played: Gateway, ann: Session
) -> None:
    answer = ann.post(
        path_of(played, "anns"), chat(stream=True, stream_options={"include_usage": True})
    )
    assert answer.status_code == 200
    events = [line[6:] for line in answer.text.split("\n") if line.startswith("data: {")]
    deltas = [c["delta"] for e in events for c in json.loads(e)["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "".join(WORDS)
    row = played.row(request_id(answer))
    assert (row["key"], row["user"], row["outcome"]) == ("anns", "ann", "ok")
    assert row["path"].startswith("/playground/call/")
    told = until(lambda: ann.get(f"/playground/calls/{row['id']}/").json()["call"])
    assert (told["cost_usd"], told["usage"]["output_tokens"]) == ("0.000021", 5)


def test_what_the_key_may_not_is_refused_as_to_any_client(played: Gateway, ann: Session) -> None:
    assert ann.post(path_of(played, "anns"), chat("well/plain")).status_code == 403
    afar = ann.post(path_of(played, "anns-from-afar"), chat())
    assert (afar.status_code, "from this address" in afar.text) == (403, True)
    unknown = ann.post(path_of(played, "anns"), chat("mk/plain", messages="x"))
    assert unknown.json()["error"]["param"] == "messages"


def test_the_users_budget_holds(own_gateway: Callable[..., Gateway]) -> None:
    gateway = own_gateway("--no-worker", "--server", "uvicorn")
    gateway.apply({
        "users": [{"username": "bob", "budgets": {"daily_requests": 1}}],
        "api_keys": [{"name": "bobs", "key": key_of("bobs"), "owner": "bob"}],
    })  # fmt: skip
    session, path = Session(gateway, "bob"), path_of(gateway, "bobs")
    until(lambda: session.post(path, chat()).status_code == 200)  # once the key is known
    assert session.post(path, chat()).status_code == 402
    session.close()


@pytest.mark.parametrize("name", ["laptop", "veras", "ops"])
def test_nobody_calls_with_anothers_key(played: Gateway, ann: Session, name: str) -> None:
    refused = ann.post(path_of(played, name), chat())
    assert (refused.status_code, refused.json()["error"]["type"]) == (403, "permission_error")


def test_an_administrator_calls_with_nobodys_key_and_not_with_a_members(
    played: Gateway, admin: Session
) -> None:
    assert admin.post(path_of(played, "laptop"), chat()).status_code == 200
    assert admin.post(path_of(played, "anns"), chat()).status_code == 403
    assert admin.post(path_of(played, "ops"), chat()).status_code == 403  # it manages
    assert admin.post(path_of(played, "revoked"), chat()).status_code == 403


def test_a_forged_call_is_refused_and_reaches_nobody(
    played: Gateway, ann: Session, upstream: Upstream
) -> None:
    path, before = path_of(played, "anns"), len(upstream.seen)
    assert ann.post(path, chat(), x_csrftoken="").status_code == 403
    assert ann.post(path, chat(), origin="https://evil.example").status_code == 403
    assert ann.client.get(path).status_code == 405
    form = ann.client.post(path, data={"csrfmiddlewaretoken": ann.token, "model": "mk/plain"})
    assert form.status_code == 403
    assert len(upstream.seen) == before


def test_without_a_session_there_is_a_401_and_a_key_is_none(played: Gateway) -> None:
    path = path_of(played, "anns")
    with httpx.Client(base_url=played.url) as stranger:
        stranger.get("/account/login/")
        token = {"x-csrftoken": stranger.cookies["csrftoken"]}
        assert stranger.post(path, json=chat(), headers=token).status_code == 401
        both = stranger.post(path, json=chat(), headers=token | keyed(KEY))
        assert both.status_code == 401
    assert CLIENT.post(played.url + path, json=chat(), headers=keyed(KEY)).status_code == 403


def test_a_session_opens_no_address_of_the_data_plane(ann: Session) -> None:
    assert ann.post("/v1/chat/completions", chat()).status_code == 401


def test_pictures_may_be_as_large_as_any_clients(
    played: Gateway, admin: Session, upstream: Upstream
) -> None:
    """Larger than what Django's own pages take, and bounded all the same."""
    url = "data:image/png;base64," + "A" * (6 << 20)
    image = {"type": "image_url", "image_url": {"url": url}}
    path = path_of(played, "laptop")
    body = chat("mk/talk", messages=[{"role": "user", "content": [image]}])
    assert admin.post(path, body).status_code == 200
    assert upstream.seen[-1].body["messages"][0]["content"][0]["image_url"]["url"] == url
    body["padding"] = "x" * (3 << 20)
    assert admin.post(path, body).status_code == 413


def test_who_stops_it_ends_the_call_upstream(
    played: Gateway, admin: Session, upstream: Upstream
) -> None:
    path = path_of(played, "laptop")
    headers = {"x-csrftoken": admin.token}
    body = chat("mk/hangs-mid-stream", stream=True)
    with admin.client.stream("POST", path, json=body, headers=headers) as answer:
        next(answer.iter_text())
    until(lambda: upstream.of("hangs-mid-stream")[-1].closed)
    assert played.row(request_id(answer))["outcome"] == "aborted"


def test_a_member_sees_what_their_own_calls_came_to_and_no_others(
    played: Gateway, admin: Session, ann: Session
) -> None:
    answer = admin.post(path_of(played, "laptop"), chat())
    row = played.row(request_id(answer))
    assert ann.get(f"/playground/calls/{row['id']}/").json() == {"call": None}
    assert admin.get(f"/playground/calls/{row['id']}/").json()["call"]["key"] == "laptop"
