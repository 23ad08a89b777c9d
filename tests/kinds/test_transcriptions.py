"""Transcriptions over real sockets: what leaves, what comes back, and what it costs."""

import io
import json
from typing import Any

import httpx
import openai
import pytest

from tests.e2e.gateway import CLIENT, KEY, UPSTREAM_KEY, Gateway, keyed, request_id
from tests.kinds.configuration import HEARERS
from tests.kinds.transcription_vendors import SAID, UPLOADED, form, sound_of
from tests.kinds.vendor import Seen, Vendors

ADDRESS = "/v1/audio/transcriptions"
SOUND = b"\x00\xffnot really\r\n--a sound" * 40_000  # more than is held in memory
FILE = ("talk.mp3", SOUND, "audio/mpeg")
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
    if vendor != "stt-assemblyai":
        assert "whisper" in (seen.path if vendor == "stt-deepgram" else str(form(seen)))
