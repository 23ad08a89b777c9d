"""Transcriptions over real sockets: what leaves, what comes back, and what it costs."""

import http.client
import json
from typing import Any

import httpx
import openai
import pytest

from tests.e2e.gateway import CLIENT, KEY, UPSTREAM_KEY, Gateway, keyed, request_id
from tests.e2e.sdks.sound import sound
from tests.kinds.configuration import HEARERS
from tests.kinds.transcription_vendors import SAID, UPLOADED, form, sound_of
from tests.kinds.vendor import Seen, Vendors

ADDRESS = "/v1/audio/transcriptions"
TRANSLATIONS = "/v1/audio/translations"
SOUND = b"\x00\xffnot really\r\n--a sound" * 40_000  # more than is held in memory
FILE = ("talk.mp3", SOUND, "audio/mpeg")
PICO_MS = 6 * 10**12 // 60_000
HEADERS = {
    "stt-openai": ("authorization", f"Bearer {UPSTREAM_KEY}"),
    "stt-groq": ("authorization", f"Bearer {UPSTREAM_KEY}"),
    "stt-deepgram": ("authorization", f"Token {UPSTREAM_KEY}"),
    "stt-assemblyai": ("authorization", UPSTREAM_KEY),
    "stt-elevenlabs": ("xi-api-key", UPSTREAM_KEY),
}


def hear(gateway: Gateway, model: str, *, at: str = ADDRESS, **fields: str) -> httpx.Response:
    told = {"model": model, **fields}
    return CLIENT.post(gateway.url + at, data=told, files={"file": FILE}, headers=keyed())


def in_order(gateway: Gateway, *fields: tuple[str, Any], **headers: str) -> httpx.Response:
    """A form whose fields stand as they are given."""
    parts = [(name, value if name == "file" else (None, value)) for name, value in fields]
    return CLIENT.post(gateway.url + ADDRESS, files=parts, headers=keyed() | headers)


def got_file(vendors: Vendors, vendor: str) -> Seen:
    """The request that brought the file."""
    seen = [each for each in vendors.seen if each.vendor == vendor and len(each.raw) > 1000]
    return seen[-1]


@pytest.mark.parametrize("vendor", HEARERS)
def test_every_vendor_gets_the_file_and_its_words_come_back(
    kinds: Gateway, vendors: Vendors, vendor: str
) -> None:
    answer = hear(kinds, f"{vendor}/whisper", language="en")
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"] == SAID
    assert answer.headers["x-omniroute-model"] == f"{vendor}/whisper"
    seen = got_file(vendors, vendor)
    assert sound_of(seen) == SOUND
    name, value = HEADERS[vendor]
    assert seen.headers[name] == value


def test_each_is_asked_in_its_own_words(kinds: Gateway, vendors: Vendors) -> None:
    more = {"language": "en", "prompt": "names", "temperature": "0.5"}
    hear(kinds, "stt-openai/whisper", **more)
    told = form(got_file(vendors, "stt-openai"))
    del told["file"]
    assert told == {"model": "whisper", **more}
    answer = hear(kinds, "stt-deepgram/whisper", numerals="true", **more)
    seen = got_file(vendors, "stt-deepgram")
    assert seen.path == "/listen?model=whisper&smart_format=true&language=en&numerals=true"
    assert seen.headers["content-type"] == "audio/mpeg"
    assert answer.headers["x-omniroute-dropped"] == "prompt, temperature"
    hear(kinds, "stt-assemblyai/universal", speaker_labels="true", **more)
    begun = next(s for s in reversed(vendors.seen) if s.path == "/transcript")
    assert begun.body == {
        "audio_url": UPLOADED, "speech_models": ["universal"], "language_code": "en",
        "prompt": "names", "speaker_labels": True,
    }  # fmt: skip
    hear(kinds, "stt-elevenlabs/whisper", **more)
    told = form(got_file(vendors, "stt-elevenlabs"))
    del told["file"]
    assert told == {"model_id": "whisper", "language_code": "en", "temperature": "0.5"}


@pytest.mark.parametrize("vendor", HEARERS)
def test_the_length_of_the_sound_is_paid(kinds: Gateway, vendor: str) -> None:
    shape = "verbose_json" if vendor == "stt-groq" else "json"
    row = kinds.row(request_id(hear(kinds, f"{vendor}/whisper", response_format=shape)))
    # Of two of them in whole seconds; of ElevenLabs' until the last word.
    ms = {"stt-openai": 3000, "stt-assemblyai": 3000, "stt-elevenlabs": 2000}.get(vendor, 2400)
    assert json.loads(row["units"]) == {"requests": 1, "milliseconds": ms}
    assert row["cost_picousd"] == ms * PICO_MS
    assert (row["outcome"], row["usage_source"]) == ("ok", "reported")
    assert row["bytes_in"] > len(SOUND)


def test_a_length_that_nobody_tells_is_estimated_by_the_file(kinds: Gateway) -> None:
    row = kinds.row(request_id(hear(kinds, "stt-groq/whisper")))
    assert row["usage_source"] == "estimated"
    assert json.loads(row["units"])["milliseconds"] == round(len(SOUND) / 8)


@pytest.mark.parametrize("stream", ["false", "true"])
def test_tokens_of_sound_have_a_price_of_their_own(kinds: Gateway, stream: str) -> None:
    row = kinds.row(request_id(hear(kinds, "stt-openai/tokens", stream=stream)))
    assert (row["input_tokens"], row["output_tokens"]) == (14, 45)
    # And the minutes, which are another price for the same, are not paid too.
    assert row["cost_picousd"] == (4 * 2 + 10 * 5 + 45 * 10) * 10**6


SUBTITLES = "00:00:00{0}100 --> 00:00:01{0}000\nGood morning.\n\n"


@pytest.mark.parametrize("vendor", ["stt-deepgram", "stt-assemblyai", "stt-elevenlabs"])
def test_subtitles_are_made_of_words(kinds: Gateway, vendor: str) -> None:
    srt = hear(kinds, f"{vendor}/whisper", response_format="srt")
    assert srt.text.startswith("1\n" + SUBTITLES.format(","))
    assert srt.headers["content-type"].startswith("text/plain")
    vtt = hear(kinds, f"{vendor}/whisper", response_format="vtt")
    assert vtt.text.startswith("WEBVTT\n\n" + SUBTITLES.format("."))


@pytest.mark.parametrize("vendor", HEARERS)
def test_a_text_is_the_text(kinds: Gateway, vendor: str) -> None:
    answer = hear(kinds, f"{vendor}/whisper", response_format="text")
    assert answer.text == SAID + "\n"
    assert kinds.row(request_id(answer))["usage_source"] == "reported"


def test_a_relay_keeps_what_it_does_not_know(kinds: Gateway, vendors: Vendors) -> None:
    assert hear(kinds, "stt-openai/tokens", vendor_option="x").json()["vendor_field"] == 7
    assert form(got_file(vendors, "stt-openai"))["vendor_option"] == "x"


# --- Translations ----------------------------------------------------------------------------


def test_speech_is_translated_where_the_vendor_does_that(kinds: Gateway, vendors: Vendors) -> None:
    answer = hear(kinds, "stt-openai/whisper", at=TRANSLATIONS, response_format="verbose_json")
    assert answer.json()["task"] == "translate"
    assert got_file(vendors, "stt-openai").path == "/audio/translations"
    refused = hear(kinds, "stt-deepgram/whisper", at=TRANSLATIONS)
    assert refused.status_code == 400
    assert "does not translate" in refused.json()["error"]["message"]


# --- Streams ---------------------------------------------------------------------------------


@pytest.fixture
def client(kinds: Gateway) -> openai.OpenAI:
    return openai.OpenAI(base_url=kinds.url + "/v1", api_key=KEY, max_retries=0)


@pytest.mark.parametrize("model", ["stt-openai/tokens", "stt-openai/whisper", "stt-deepgram/m"])
def test_the_sdk_hears_a_stream(client: openai.OpenAI, model: str) -> None:
    """Of vendors and models that do not stream, all comes at once."""
    stream = client.audio.transcriptions.create(model=model, file=FILE, stream=True)
    *deltas, done = [sound(event) for event in stream]
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert done.type == "transcript.text.done"
    assert done.text == SAID


@pytest.mark.parametrize("vendor", HEARERS)
def test_the_sdk_hears_it_whole(client: openai.OpenAI, vendor: str) -> None:
    asked: Any = {"model": f"{vendor}/whisper", "file": FILE}
    assert sound(client.audio.transcriptions.create(**asked)).text == SAID
    long = client.audio.transcriptions.create(
        **asked, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    assert long.text == SAID
    assert long.duration >= 2
    if vendor not in ("stt-openai", "stt-groq"):  # whose answers are their own
        sound(long)
        assert long.words is not None
        assert [word.word for word in long.words] == SAID.split()


def test_a_stream_that_breaks_off_is_no_whole_answer(kinds: Gateway) -> None:
    with pytest.raises(httpx.TransportError):
        hear(kinds, "stt-openai/cut", stream="true")


def test_what_a_vendor_says_in_a_stream_reaches_the_client(client: openai.OpenAI) -> None:
    stream = client.audio.transcriptions.create(model="stt-openai/failing", file=FILE, stream=True)
    with pytest.raises(openai.APIError, match="too loud"):
        list(stream)


# --- The form --------------------------------------------------------------------------------


def test_the_next_target_gets_the_whole_file_too(kinds: Gateway, vendors: Vendors) -> None:
    answer = hear(kinds, "heard")
    assert answer.json()["text"] == SAID
    assert answer.headers["x-omniroute-attempts"] == "3"
    for vendor in ("stt-openai", "stt-assemblyai", "stt-deepgram"):
        assert sound_of(got_file(vendors, vendor)) == SOUND


@pytest.mark.parametrize("model", ["stt-openai/whisper", "stt-deepgram/whisper"])
def test_fields_may_stand_anywhere(kinds: Gateway, vendors: Vendors, model: str) -> None:
    subtitles = ("response_format", "srt")
    first = in_order(kinds, ("file", FILE), ("model", model), subtitles)
    amid = in_order(kinds, ("model", model), ("file", FILE), subtitles)
    for answer in (first, amid):
        assert answer.status_code == 200, answer.text
        assert " --> " in answer.text
        assert answer.headers["x-omniroute-attempts"] == "1"
    assert sound_of(got_file(vendors, model.partition("/")[0])) == SOUND


def test_a_stream_that_is_asked_for_after_the_file_is_one_in_the_log(kinds: Gateway) -> None:
    fields = (("model", "stt-openai/whisper"), ("file", FILE), ("stream", "true"))
    answer = in_order(kinds, *fields)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert kinds.row(request_id(answer))["stream"] == 1


def test_the_same_file_is_the_same_request(kinds: Gateway, vendors: Vendors) -> None:
    def once(file: Any) -> httpx.Response:
        asked = (("model", "stt-openai/whisper"), ("prompt", "heard-a-single-time"), ("file", file))
        return in_order(kinds, *asked, **{"idempotency-key": "hear-once"})

    first, again = once(FILE), once(FILE)
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"
    assert sum(b"heard-a-single-time" in seen.raw for seen in vendors.seen) == 1
    assert once(("talk.mp3", b"another", "audio/mpeg")).status_code == 422


def test_a_vendors_400_reaches_the_client_as_it_is(kinds: Gateway) -> None:
    answer = hear(kinds, "stt-openai/silence")
    assert answer.status_code == 400
    assert answer.json()["error"] == {"message": "no sound in it", "param": "file"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([("model", "heard")], "file: a value is missing"),
        ([("file", FILE)], "model: a value is missing"),
        ([("model", "heard"), ("response_format", "midi"), ("file", FILE)], "response_format"),
        ([("model", "heard"), ("file", FILE), ("temperature", "hot")], "temperature"),
        ([("model", "heard"), ("prompt", "x" * 2_000_000), ("file", FILE)], "prompt: a field"),
        ([("model", "tts-openai/voice"), ("file", FILE)], "is called at /v1/audio/speech"),
    ],
)
def test_what_is_wrong_is_named(kinds: Gateway, fields: Any, words: str) -> None:
    answer = in_order(kinds, *fields)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_json_is_no_form(kinds: Gateway) -> None:
    answer = kinds.post(ADDRESS, {"model": "heard"})
    assert answer.status_code == 400
    assert "multipart/form-data" in answer.json()["error"]["message"]


def test_a_form_that_is_cut_short_is_the_clients_fault(kinds: Gateway) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nheard\r\n--b\r\n'
    body += b'Content-Disposition: form-data; name="file"; filename="x"\r\n\r\nhalf'
    headers = keyed() | {"content-type": "multipart/form-data; boundary=b"}
    answer = CLIENT.post(kinds.url + ADDRESS, content=body, headers=headers)
    assert answer.status_code == 400
    assert "does not end" in answer.json()["error"]["message"]
    assert answer.headers.get("x-omniroute-attempts") is None  # no target is to blame


def test_strangers_and_what_is_too_large_are_refused_unread(kinds: Gateway) -> None:
    answer = CLIENT.post(kinds.url + ADDRESS, files={"file": FILE})
    assert answer.status_code == 401
    connection = http.client.HTTPConnection("127.0.0.1", kinds.port, timeout=10)
    headers = keyed() | {"content-type": "multipart/form-data; boundary=b"}
    connection.request("POST", ADDRESS, headers=headers | {"content-length": str(60 << 20)})
    assert connection.getresponse().status == 413
    connection.close()
