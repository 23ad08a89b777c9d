"""Gemini says in the path which model is asked, and how."""

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.formats import gemini, gemini_array
from gateway.formats.types import Quirks

WANTS = [
    ("/v1beta/models/gemini-x:generateContent", ("gemini-x", False)),
    ("/v1/models/gemini-x:streamGenerateContent", ("gemini-x", True)),
    ("/v1/v1beta/models/gemini-x:streamGenerateContent", ("gemini-x", True)),
    ("/v1beta/models/gemini-x:countTokens", ("gemini-x", False)),
    ("/v1beta/models/openai/gpt-x:generateContent", ("openai/gpt-x", False)),
    ("/v1beta/models/openai%2Fgpt-x:generateContent", ("openai/gpt-x", False)),
    ("/v1beta/models/ollama/qwen:7b:streamGenerateContent", ("ollama/qwen:7b", True)),
    ("/v1beta/models/accounts/a/models/m:generateContent", ("accounts/a/models/m", False)),
    ("/v1beta/tunedModels/mine:generateContent", ("tunedModels/mine", False)),
    ("/v1/projects/p/locations/l/publishers/google/models/m:generateContent", ("m", False)),
    ("/v1beta/models", ("", False)),
    ("/v1beta/models/gemini-x", ("", False)),
]


@pytest.mark.parametrize(("path", "wanted"), WANTS, ids=[path for path, _ in WANTS])
def test_the_model_and_the_method_are_read_from_the_path(
    path: str, wanted: tuple[str, bool]
) -> None:
    assert gemini.wants(path, {"model": "another", "stream": True}) == wanted


ADDRESSES = [
    ("gemini-x", True, "/models/gemini-x:streamGenerateContent?alt=sse"),
    ("gemini-x", False, "/models/gemini-x:generateContent"),
    ("models/gemini-x", False, "/models/gemini-x:generateContent"),
    ("tunedModels/mine", False, "/tunedModels/mine:generateContent"),
    ("publishers/google/models/m", False, "/publishers/google/models/m:generateContent"),
    ("a/b c?:d", False, "/models/a/b%20c%3F%3Ad:generateContent"),
]


@pytest.mark.parametrize(
    ("model", "stream", "address"), ADDRESSES, ids=[case[2] for case in ADDRESSES]
)
def test_the_address_names_the_model_and_asks_for_events(
    model: str, stream: bool, address: str
) -> None:
    assert gemini.address(model, stream) == gemini_array.address(model, stream) == address


def test_the_body_is_relayed_as_it_is() -> None:
    body = {"contents": [{"parts": [{"text": "hi"}]}], "unknown_field": 1}
    assert gemini.readdress(body, "other", Quirks()) == (body, False, ())
    assert gemini.readdress(body, "other", Quirks())[0] is body


def test_a_model_in_the_body_does_not_contradict_the_path() -> None:
    body = {"model": "models/alias", "contents": []}
    assert gemini.readdress(body, "other", Quirks())[0] == {"contents": []}


def test_another_providers_signature_does_not_reach_google() -> None:
    foreign = "b21uaXJvdXRlOmFudGhyb3BpY19tZXNzYWdlczpz"
    call = {"functionCall": {"name": "f", "args": {}}}
    parts = [
        {"text": "Hm", "thought": True, "thoughtSignature": foreign},
        {**call, "thought_signature": foreign},
        {**call, "thoughtSignature": "Z29vZ2xl"},
    ]
    body: dict[str, Any] = {"contents": [{"role": "model", "parts": parts}]}
    sent = gemini.readdress(body, "m", Quirks())[0]
    assert sent["contents"][0]["parts"] == [call, {**call, "thoughtSignature": "Z29vZ2xl"}]
    assert len(body["contents"][0]["parts"]) == 3


def test_tokens_are_counted_of_contents_or_of_a_whole_request() -> None:
    contents = [{"parts": [{"text": "hi"}]}]
    assert gemini.decode_count_request({"contents": contents}) == {"contents": contents}
    inner = {"model": "models/m", "contents": contents}
    assert gemini.decode_count_request({"generateContentRequest": inner}) == inner
    assert gemini.decode_count_request({"generate_content_request": inner}) == inner
    assert gemini.encode_count(7) == {"totalTokens": 7}
    with pytest.raises(BadRequest):
        gemini.decode_count_request({"generateContentRequest": "x"})
