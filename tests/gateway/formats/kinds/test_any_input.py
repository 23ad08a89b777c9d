"""No input to a format of any kind raises anything but what becomes a 400 or an upstream's failure."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest, UpstreamFailed
from gateway.formats import multipart, wire
from gateway.formats.kinds import KINDS, Kind, RelayedWhole
from gateway.formats.multipart import Incoming
from gateway.formats.transcriptions import openai
from gateway.formats.transcriptions.types import TranscriptionRequest
from gateway.formats.types import Asked, JSONDict, Quirks
from tests.gateway.formats.test_fuzz import SCALARS, at_place, mutated, places, put
from tests.gateway.formats.test_streams import JSON

PART = {"parts": [{"text": "a"}]}

# Requests and answers alike: either decoder gets both.
BODIES: dict[str, list[JSONDict]] = {
    "embedding": [
        {"model": "m", "input": ["a"], "input_type": "query", "dimensions": 4, "user": "u", "x": 1},
        {"content": PART, "taskType": "CLUSTERING", "title": "t", "outputDimensionality": 4},
        {"requests": [{"model": "models/m", "content": PART, "taskType": "CLUSTERING"}]},
        {"data": [{"index": 0, "embedding": [1.0]}], "usage": {"prompt_tokens": 1}},
        {"embeddings": [[1.0]], "prompt_eval_count": 2},
        {"embeddings": {"float": [[1.0]]}, "meta": {"billed_units": {"input_tokens": 1}}},
        {"embedding": {"values": [1.0]}, "usageMetadata": {"promptTokenCount": 1}},
        {"embeddings": [{"values": [1.0]}]},
    ],
    "rerank": [
        {"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1, "x": 1},
        {"results": [{"index": 0, "relevance_score": 0.5}], "usage": {"total_tokens": 3}},
        {"results": [], "meta": {"billed_units": {"search_units": 1}}},
        {"data": [{"index": 0, "relevance_score": 0.5}]},
        {"rankings": [{"index": 0, "logit": -1.5}]},
    ],
    "speech": [
        {
            "model": "m",
            "input": "a",
            "voice": {"id": "v"},
            "response_format": "pcm",
            "speed": 2,
            "instructions": "i",
            "stream_format": "audio",
            "voice_settings": {"speed": 1},
        },
    ],
    "transcription": [
        {
            "model": "m",
            "file": Incoming("talk.mp3", "audio/mpeg"),
            "language": "en",
            "prompt": "p",
            "temperature": "0.5",
            "response_format": "diarized_json",
            "timestamp_granularities": ["word"],
            "speaker_labels": "true",
        },
        {
            "text": "a",
            "language": "en",
            "duration": 2.5,
            "segments": [{"start": 0.0, "end": 1.0, "text": "a", "speaker": "A"}],
            "words": [{"word": "a", "start": 0.0, "end": 1.0}],
            "usage": {"input_tokens": 3, "input_token_details": {"audio_tokens": 2}},
        },
        {"text": "a", "usage": {"type": "duration", "seconds": 2}},
        {
            "metadata": {"duration": 2.5},
            "results": {
                "channels": [
                    {
                        "alternatives": [
                            {"transcript": "a", "words": [{"word": "a", "start": 0, "end": 1}]}
                        ],
                        "detected_language": "en",
                    }
                ],
                "utterances": [{"transcript": "a", "start": 0, "end": 1, "speaker": 0}],
            },
        },
        {"upload_url": "https://x"},
        {"id": "t", "status": "queued"},
        {
            "id": "t",
            "status": "completed",
            "text": "a",
            "audio_duration": 2,
            "words": [{"text": "a", "start": 0, "end": 900}],
            "utterances": [{"text": "a", "start": 0, "end": 900, "speaker": "A"}],
        },
        {"status": "error", "error": "e"},
        {"text": "a", "language_code": "eng", "words": [{"text": "a", "type": "word", "end": 1.0}]},
    ],
    "image": [
        {"model": "m", "prompt": "p", "n": 2, "size": "8x8", "output_format": "png", "x": 1},
        {
            "model": "m",
            "prompt": "p",
            "n": "1",
            "stream": "false",
            "strength": 0.5,
            "images": [{"image_url": "data:image/png;base64,AAAA"}],
            "mask": {"image_url": "https://images.example/m.png"},
        },
        {"model": "m", "prompt": "p", "image": ["data:image/png;base64,AAAA"], "size": "9x16"},
        {"data": [{"b64_json": "AAAA", "revised_prompt": "r"}], "usage": {"input_tokens": 1}},
        {"predictions": [{"bytesBase64Encoded": "AAAA", "mimeType": "image/png"}]},
        {
            "candidates": [
                {"content": {"parts": [{"inlineData": {"mimeType": "a/b", "data": "AAAA"}}]}}
            ],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2},
        },
        {"promptFeedback": {"blockReason": "SAFETY"}, "candidates": [{"finishReason": "X"}]},
        {"image": "AAAA", "finish_reason": "SUCCESS"},
        {"status": "Ready", "result": {"sample": "https://x"}, "polling_url": "https://x"},
        {"images": [{"url": "https://x"}]},
        {"status": "succeeded", "output": ["https://x"], "urls": {"get": "https://x"}},
    ],
    "moderation": [
        {"model": "m", "input": ["a", "b"], "metadata": {}, "x": 1},
        {
            "results": [
                {"flagged": True, "categories": {"a": True}, "category_scores": {"a": 0.5}}
            ],
            "usage": {"total_tokens": 1},
        },
    ],
}


def _serve_request(kind: Kind, body: JSONDict) -> None:
    for name, client in kind.clients.items():
        with suppress(BadRequest):
            client.check_request(body)
            client.units(body)
            same: Any = kind.upstreams[name]
            write_same = multipart.write if hasattr(client, "STREAMED_FILE") else wire.dumps
            write_same(same.readdress(body, "m", Quirks())[0])
            request = client.decode_request(body)
            for upstream in kind.upstreams.values():
                with suppress(BadRequest):
                    encoded = upstream.encode_request(request, "m", Quirks())
                    write = multipart.write if encoded.form else wire.dumps
                    if not encoded.file:
                        write(encoded.body)
                    if hasattr(upstream, "encode_following"):
                        wire.dumps(upstream.encode_following(UPLOADED, request, "m").body)


def _serve_answer(kind: Kind, body: JSONDict) -> None:
    upstreams: Any = kind.upstreams.values()
    for upstream in upstreams:
        if not hasattr(upstream, "decode_response"):
            continue  # its answers are no JSON
        if hasattr(upstream, "pending"):
            upstream.pending(body)
        if hasattr(upstream, "encode_following"):
            with suppress(UpstreamFailed):
                upstream.encode_following(body, HEARD, "m")
        with suppress(UpstreamFailed):
            reply = upstream.decode_response(body)
            clients: Any = kind.clients.values()
            for client in clients:
                if hasattr(client, "encode_answer"):
                    for shape in openai.SHAPES:
                        told = {"response_format": shape, "timestamp_granularities": "word"}
                        client.encode_answer(
                            reply, Asked(model="m", id="i", created=1, request=told)
                        )
                    continue
                asked = {"top_n": 1, "documents": ["a"], "return_documents": True}
                for request in (asked, {}):
                    asked_ = Asked(model="m", id="i", created=1, request=request)
                    wire.dumps(client.encode_response(reply, asked_))


UPLOADED = {"upload_url": "https://x"}
HEARD = TranscriptionRequest(model="m", file=Incoming("talk.mp3", "audio/mpeg"))


def _relays(kind: Kind) -> Iterator[RelayedWhole]:
    for name in kind.clients:
        same: Any = kind.upstreams[name]
        if hasattr(same, "sniff_response"):
            yield same


@pytest.mark.parametrize("name", KINDS)
@given(data=st.data())
def test_bodies_with_something_odd_in_them(name: str, data: st.DataObject) -> None:
    body = data.draw(mutated(data.draw(st.sampled_from(BODIES[name]))))
    if isinstance(body, dict):
        _serve_request(KINDS[name], body)
        _serve_answer(KINDS[name], body)


@pytest.mark.parametrize("name", KINDS)
def test_bodies_with_each_odd_thing_in_each_place(name: str) -> None:
    for body in BODIES[name]:
        for at in places(body)[1:]:
            for odd in SCALARS:
                changed = at_place(body, at, put(odd))
                _serve_request(KINDS[name], changed)
                _serve_answer(KINDS[name], changed)


@pytest.mark.parametrize("name", KINDS)
@given(data=st.one_of(st.binary(), JSON.map(wire.dumps)))
def test_any_bytes(name: str, data: bytes) -> None:
    for format in _relays(KINDS[name]):
        with suppress(UpstreamFailed):
            format.sniff_response(data)
