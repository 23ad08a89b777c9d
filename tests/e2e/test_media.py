"""Documents by URL, from a client whose format has them to a provider whose format has not."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.gateway import KEY, Gateway, copy, request_id, until
from tests.e2e.test_leaving import hang_up
from tests.e2e.upstream import Upstream
from tests.filehost import PDF, FileHost

COMBOS = [
    {"name": "either", "targets": [{"model": "mk/plain"}, {"model": "an/plain"}]},
    {"name": "after-a-failure", "targets": [{"model": "mk/status-500"}, {"model": "mk/plain"}]},
]


@pytest.fixture(scope="module")
def host() -> Iterator[FileHost]:
    host = FileHost()
    yield host
    host.close()


@pytest.fixture(scope="module")
def fetching(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that fetches from this machine, as it otherwise would not."""
    folder = copy(prepared, tmp_path_factory.mktemp("fetching"))
    options = ("--no-worker", "--server", "uvicorn")
    gateway = Gateway(folder, *options, FETCH_PRIVATE_NETWORKS="1")
    gateway.manage("config", "apply", "-", stdin=json.dumps({"combos": COMBOS}))
    gateway.start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


def asking(url: str) -> list[dict[str, Any]]:
    document = {"type": "document", "source": {"type": "url", "url": url}}
    return [{"role": "user", "content": [document, {"type": "text", "text": "What is it?"}]}]


def at(host: FileHost, path: str) -> str:
    return f"http://127.0.0.1:{host.port}{path}"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_provider_gets_the_bytes(
    fetching: Gateway, upstream: Upstream, host: FileHost, stream: bool
) -> None:
    url = at(host, "/paper.pdf?key=canary")
    answer = fetching.messages("mk/plain", messages=asking(url), stream=stream)
    assert answer.status_code == 200
    file, text = upstream.of("plain")[-1].body["messages"][0]["content"]
    data = f"data:application/pdf;base64,{b64encode(PDF).decode()}"
    assert file == {"type": "file", "file": {"file_data": data, "filename": "paper.pdf"}}
    assert text == {"type": "text", "text": "What is it?"}
    assert "canary" not in json.dumps(fetching.row(request_id(answer)))


def test_two_targets_cost_one_fetch(fetching: Gateway, upstream: Upstream, host: FileHost) -> None:
    before = len(host.seen)
    answer = fetching.messages("after-a-failure", messages=asking(at(host, "/paper.pdf")))
    assert answer.status_code == 200
    assert answer.headers["x-omniroute-attempts"] == "2"
    assert host.paths[before:] == ["/paper.pdf"]
    failed, answered = (upstream.of(name)[-1] for name in ("status-500", "plain"))
    assert failed.body["messages"] == answered.body["messages"]


def test_a_provider_of_the_clients_format_fetches_itself(
    fetching: Gateway, upstream: Upstream, host: FileHost
) -> None:
    before = len(host.seen)
    url = at(host, "/paper.pdf")
    assert fetching.messages("an/plain", messages=asking(url)).status_code == 200
    assert upstream.of("plain")[-1].body["messages"] == asking(url)
    assert len(host.seen) == before


def test_what_cannot_be_fetched_goes_to_a_target_that_takes_its_url(
    fetching: Gateway, upstream: Upstream, host: FileHost
) -> None:
    url = at(host, "/missing.pdf")
    answer = fetching.messages("either", messages=asking(url))
    assert answer.status_code == 200
    assert answer.headers["x-omniroute-model"] == "an/plain"
    assert upstream.of("plain")[-1].body["messages"] == asking(url)


def test_a_failure_is_a_400_that_names_the_host_only(
    fetching: Gateway, upstream: Upstream, host: FileHost
) -> None:
    before = len(upstream.seen)
    answer = fetching.messages("mk/plain", messages=asking(at(host, "/missing.pdf?key=canary")))
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "type": "invalid_request_error",
        "message": "a file could not be fetched from 127.0.0.1",
    }
    assert len(upstream.seen) == before
    row = fetching.row(request_id(answer))
    assert (row["outcome"], row["status"]) == ("error", 400)
    for text in (answer.text, json.dumps(row), fetching.output()):
        assert "canary" not in text
        assert "missing.pdf" not in text


def test_private_networks_are_not_asked_by_default(
    gateway: Gateway, upstream: Upstream, host: FileHost
) -> None:
    """And whether anything answers there, nobody learns."""
    before = len(upstream.seen), len(host.seen)
    closed = "http://127.0.0.1:1/paper.pdf"
    for url in (at(host, "/paper.pdf"), closed, "http://localhost:1/a", "http://10.0.0.1/a"):
        answer = gateway.messages("mk/plain", messages=asking(url))
        named = str(httpx.URL(url).host)
        words = f"a file could not be fetched from {named}"
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, words)
        assert answer.elapsed.total_seconds() >= 1
    assert (len(upstream.seen), len(host.seen)) == before


def test_a_client_that_leaves_ends_the_fetch(fetching: Gateway, host: FileHost) -> None:
    abandoned = host.abandoned
    request = {
        "model": "mk/plain", "max_tokens": 10, "messages": asking(at(host, "/hang")),
    }  # fmt: skip
    with pytest.raises(httpx.ReadTimeout):
        hang_up(fetching.url + "/v1/messages", request, {"authorization": f"Bearer {KEY}"})
    until(lambda: host.abandoned > abandoned, 3)
    assert host.paths[-1] == "/hang"
    until(lambda: fetching.rows("outcome = 'aborted'"))
