"""Speech over real sockets: what leaves, what is heard, and when."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.e2e.gateway import CLIENT, KEY, UPSTREAM_KEY, Gateway, copy, keyed, request_id
from tests.kinds.configuration import SPEAKERS
from tests.kinds.speech_vendors import PAUSE, SOUND
from tests.kinds.vendor import Vendors

WHOLE = b"".join(SOUND)
ASKED = {"input": "Grüß dich", "voice": "voice 1/2"}

SENT: dict[str, tuple[str, Any]] = {
    "tts-openai": ("/audio/speech", {"model": "voice", **ASKED, "speed": 1.25}),
    "tts-elevenlabs": (
        "/text-to-speech/voice%201%2F2/stream?output_format=mp3_44100_128",
        {"text": "Grüß dich", "model_id": "voice", "voice_settings": {"speed": 1.25}},
    ),
    "tts-deepgram": ("/speak?model=voice&encoding=mp3", {"text": "Grüß dich"}),
}
HEADERS = {
    "tts-openai": ("authorization", f"Bearer {UPSTREAM_KEY}"),
    "tts-elevenlabs": ("xi-api-key", UPSTREAM_KEY),
    "tts-deepgram": ("authorization", f"Token {UPSTREAM_KEY}"),
}


def say(gateway: Gateway, model: str, **more: Any) -> httpx.Response:
    return gateway.post("/v1/audio/speech", {"model": model, **ASKED, **more})


@pytest.mark.parametrize("vendor", SPEAKERS)
def test_every_vendor_speaks(kinds: Gateway, vendors: Vendors, vendor: str) -> None:
    answer = say(kinds, f"{vendor}/voice", speed=1.25)
    assert answer.status_code == 200, answer.text
    assert answer.content == WHOLE
    assert answer.headers["content-type"] == "audio/mpeg"
    seen = vendors.last(vendor)
    assert (seen.path, seen.body) == SENT[vendor]
    name, value = HEADERS[vendor]
    assert seen.headers[name] == value
    dropped = answer.headers.get("x-omniroute-dropped")
    assert dropped == ("voice, speed" if vendor == "tts-deepgram" else None)


@pytest.mark.parametrize("vendor", SPEAKERS)
def test_the_row_has_the_characters_and_their_cost(kinds: Gateway, vendor: str) -> None:
    row = kinds.row(request_id(say(kinds, f"{vendor}/voice")))
    units = json.loads(row["units"])
    assert units == {"requests": 1, "characters": 9, "milliseconds": round(len(WHOLE) / 8)}
    assert row["cost_picousd"] == 9 * 15_000_000
    assert (row["outcome"], row["bytes_out"]) == ("ok", len(WHOLE))


@pytest.mark.parametrize(("format", "bytes_a_ms"), [("mp3", 8), ("pcm", 48)])
def test_a_length_that_nobody_tells_is_estimated_by_the_sound_and_paid(
    kinds: Gateway, format: str, bytes_a_ms: int
) -> None:
    row = kinds.row(request_id(say(kinds, "tts-openai/timed", response_format=format)))
    lasts_ms = json.loads(row["units"])["milliseconds"]
    assert abs(lasts_ms - len(WHOLE) / bytes_a_ms) < 1
    assert row["cost_picousd"] == lasts_ms * 10**8  # 6 USD a minute
    assert row["usage_source"] == "estimated"


def test_the_sdk_streams_it_to_a_file(kinds: Gateway, tmp_path: Path) -> None:
    client = openai.OpenAI(base_url=kinds.url + "/v1", api_key=KEY, max_retries=0)
    asked: Any = {"model": "tts-elevenlabs/voice", "voice": "v", "input": "hi"}
    with client.audio.speech.with_streaming_response.create(**asked) as answer:
        answer.stream_to_file(tmp_path / "said.mp3")
    assert (tmp_path / "said.mp3").read_bytes() == WHOLE


def test_a_piece_is_heard_before_the_next_is_made(kinds: Gateway, vendors: Vendors) -> None:
    body = {"model": "tts-openai/slow", **ASKED}
    with CLIENT.stream(
        "POST", kinds.url + "/v1/audio/speech", json=body, headers=keyed()
    ) as answer:
        heard = answer.iter_raw()
        for piece in SOUND:
            assert next(heard) == piece  # and the vendor waits until
            vendors.soon(PAUSE.release)
        assert next(heard, b"") == b""


def test_a_relay_keeps_what_it_does_not_know(kinds: Gateway, vendors: Vendors) -> None:
    answer = say(kinds, "tts-openai/voice", stream_format="sse", vendor_option=1)
    assert answer.headers["content-type"] == "text/event-stream"
    assert vendors.last("tts-openai").body["vendor_option"] == 1
    refused = say(kinds, "tts-deepgram/voice", stream_format="sse")
    assert refused.status_code == 400


@pytest.mark.parametrize("fault", ["broken", "empty", "odd"])
def test_before_the_first_sound_the_next_vendor_is_asked(kinds: Gateway, fault: str) -> None:
    answer = say(kinds, f"said-after-{fault}")
    assert answer.content == WHOLE
    assert answer.headers["x-omniroute-model"] == "tts-deepgram/voice"
    assert answer.headers["x-omniroute-attempts"] == "2"


@pytest.fixture(params=["uvicorn", "daphne"])
def either(request: pytest.FixtureRequest, kinds: Gateway, tmp_path: Path) -> Iterator[Gateway]:
    if request.param == "uvicorn":
        yield kinds
        return
    gateway = Gateway(copy(kinds.folder, tmp_path / "data"), "--no-worker", "--server", "daphne")
    gateway.start()
    yield gateway
    assert gateway.stop() == 0
    assert "Traceback" not in gateway.output()


def test_sound_that_breaks_off_is_no_whole_answer(either: Gateway) -> None:
    body = {"model": "tts-openai/cut", **ASKED}
    with (
        CLIENT.stream(
            "POST", either.url + "/v1/audio/speech", json=body, headers=keyed()
        ) as answer,
        pytest.raises(httpx.TransportError),
    ):
        answer.read()
    row = either.row(request_id(answer))
    assert (row["outcome"], row["status"]) == ("truncated", 200)
    assert "without completing" not in either.output()


def test_an_answer_is_given_again_to_the_same_idempotency_key(kinds: Gateway) -> None:
    body = {"model": "tts-openai/voice", **ASKED}
    first, again = (
        kinds.post("/v1/audio/speech", body, **{"idempotency-key": "say-once"}) for _ in range(2)
    )
    assert first.content == again.content == WHOLE
    assert again.headers["content-type"] == "audio/mpeg"
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"input": ""}, "input"),
        ({"voice": 5}, "voice"),
        ({"speed": "fast"}, "speed"),
        ({"response_format": "midi"}, "response_format"),
        ({"model": "tts-elevenlabs/voice", "response_format": "flac"}, "response_format"),
        ({"model": "tts-elevenlabs/voice", "voice": ".."}, "voice"),
    ],
)
def test_a_wrong_field_is_named(kinds: Gateway, more: Any, param: str) -> None:
    answer = (
        say(kinds, "tts-deepgram/voice", **more)
        if "model" not in more
        else kinds.post("/v1/audio/speech", ASKED | more)
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
