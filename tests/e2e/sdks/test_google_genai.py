"""Google's SDK, by both versions of the API, against upstreams of four formats."""

import json
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from tests.e2e.scenes import PERSON, REPORT, SIGNATURE, TALK, THOUGHT
from tests.e2e.sdks.sound import sound, upstreams, ways
from tests.e2e.upstream import Upstream


class Person(BaseModel):
    name: str
    age: int


def weather(city: str) -> str:
    """The weather of a city."""
    return f"the weather of {city}"


def chunks(client: genai.Client, **asked: Any) -> list[Any]:
    return [sound(chunk) for chunk in client.models.generate_content_stream(**asked)]


@upstreams
def test_an_answer(google_client: genai.Client, provider: str) -> None:
    answer: Any = sound(
        google_client.models.generate_content(model=f"{provider}/talk", contents="Say hello.")
    )
    assert answer.text == TALK
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    usage = answer.usage_metadata
    assert (usage.prompt_token_count, usage.candidates_token_count) == (11, 5)
    assert usage.cached_content_token_count == 7


@upstreams
def test_a_stream(google_client: genai.Client, provider: str) -> None:
    told = chunks(google_client, model=f"{provider}/talk", contents="Say hello.")
    assert "".join(chunk.text or "" for chunk in told) == TALK
    assert told[-1].candidates[0].finish_reason == types.FinishReason.STOP
    assert told[-1].usage_metadata.prompt_token_count == 11


@upstreams
def test_an_answer_cut_at_its_length(google_client: genai.Client, provider: str) -> None:
    asked: Any = {
        "model": f"{provider}/long", "contents": "Hi.", "config": {"max_output_tokens": 16},
    }  # fmt: skip
    whole: Any = google_client.models.generate_content(**asked)
    for answer in (whole, chunks(google_client, **asked)[-1]):
        assert answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS


@upstreams
@ways
def test_functions_are_called_automatically(
    google_client: genai.Client, upstream: Upstream, provider: str, stream: bool
) -> None:
    asked: Any = {
        "model": f"{provider}/agent",
        "contents": "Weather in Oslo and Rome?",
        "config": types.GenerateContentConfig(tools=[weather]),
    }
    if stream:
        text = "".join(chunk.text or "" for chunk in _calling(google_client, asked))
    else:
        answer = google_client.models.generate_content(**asked)
        text = answer.text or ""
        assert len(answer.automatic_function_calling_history or []) == 3
    assert text == REPORT
    sent = json.dumps(upstream.of("agent")[-1].body)
    assert sent.index("the weather of Oslo") < sent.index("the weather of Rome")


def _calling(client: genai.Client, asked: Any) -> Any:
    # `.text` of a chunk that holds a call warns in any case, so only what is text is read.
    for chunk in client.models.generate_content_stream(**asked):
        if not chunk.function_calls:
            yield chunk


@upstreams
def test_a_schema_gives_an_object(
    google_client: genai.Client, upstream: Upstream, provider: str
) -> None:
    answer = google_client.models.generate_content(
        model=f"{provider}/person",
        contents="Who?",
        config={"response_mime_type": "application/json", "response_schema": Person},
    )
    assert answer.parsed == Person.model_validate_json(PERSON)
    assert '"age"' in json.dumps(upstream.of("person")[-1].body)


@pytest.mark.parametrize("provider", ["an", "gm", "rs"])
@ways
def test_a_chat_keeps_thought_signatures_over_two_turns(
    google_client: genai.Client, upstream: Upstream, provider: str, stream: bool
) -> None:
    declared = types.FunctionDeclaration.from_callable_with_api_option(
        callable=weather, api_option="GEMINI_API"
    )
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[declared])],
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=2000),
    )
    chat = google_client.chats.create(model=f"{provider}/thinking-agent", config=config)

    def say(message: Any) -> list[Any]:
        if stream:
            return list(chat.send_message_stream(message))
        return [chat.send_message(message)]

    parts = [
        part for answer in say("Weather?") for part in answer.candidates[0].content.parts or []
    ]
    assert "".join(part.text for part in parts if part.thought and part.text) == THOUGHT
    calls = [part.function_call for part in parts if part.function_call]
    assert [call.args for call in calls] == [{"city": "Oslo"}, {"city": "Rome"}]
    say(
        [
            types.Part(
                function_response=types.FunctionResponse(
                    id=call.id, name=call.name, response={"result": "rain"}
                )
            )
            for call in calls
        ]
    )
    assert SIGNATURE in json.dumps(upstream.of("thinking-agent")[-1].body)


@upstreams
def test_an_image_arrives(google_client: genai.Client, upstream: Upstream, provider: str) -> None:
    image = types.Part.from_bytes(data=b"\x89PNG\r\n\x1a\n", mime_type="image/png")
    asked: Any = ["What?", image]
    google_client.models.generate_content(model=f"{provider}/talk", contents=asked)
    assert "iVBORw0KGgo=" in json.dumps(upstream.of("talk")[-1].body)


@upstreams
def test_tokens_are_counted(google_client: genai.Client, provider: str) -> None:
    counted = sound(google_client.models.count_tokens(model=f"{provider}/talk", contents="Hello."))
    if provider in ("an", "gm"):
        assert counted.total_tokens == 42
    else:
        assert 1 <= (counted.total_tokens or 0) <= 20


def test_models_are_listed_and_one_is_shown(google_client: genai.Client) -> None:
    listed = [model.name for model in google_client.models.list()]
    assert "models/mk/plain" in listed
    assert google_client.models.get(model="mk/plain").name == "models/mk/plain"


@upstreams
@pytest.mark.parametrize(
    ("model", "kind", "code", "status"),
    [
        ("status-400", errors.ClientError, 400, "INVALID_ARGUMENT"),
        ("status-429", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("status-500", errors.ServerError, 502, "UNAVAILABLE"),
    ],
)
def test_errors_say_what_and_when_to_come_back(
    google_client: genai.Client, provider: str, model: str, kind: Any, code: int, status: str
) -> None:
    with pytest.raises(kind) as raised:
        google_client.models.generate_content(model=f"{provider}/{model}", contents="Hi.")
    assert raised.value.code == code
    if provider == "gm" and code == 400:
        return  # its own words, as they are
    assert raised.value.status == status
    details = raised.value.details["error"]["details"]
    if code == 429:
        assert {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"} in details


def test_a_wrong_key_and_an_unknown_model_are_client_errors(
    google_client: genai.Client, gateway: Any
) -> None:
    with pytest.raises(errors.ClientError) as missing:
        google_client.models.generate_content(model="nothing", contents="Hi.")
    assert (missing.value.code, missing.value.status) == (404, "NOT_FOUND")
    options: Any = {"base_url": gateway.url}
    stranger = genai.Client(api_key="sk-omni-" + "f" * 32, http_options=options)
    with pytest.raises(errors.ClientError) as refused:
        stranger.models.generate_content(model="mk/talk", contents="Hi.")
    assert (refused.value.code, refused.value.status) == (401, "UNAUTHENTICATED")


@upstreams
@pytest.mark.parametrize("model", ["ends", "fails"])
def test_a_broken_stream_raises(google_client: genai.Client, provider: str, model: str) -> None:
    with pytest.raises(errors.APIError):
        chunks(google_client, model=f"{provider}/{model}", contents="Hi.")


async def test_the_asynchronous_client_streams_too(google_client: genai.Client) -> None:
    stream = await google_client.aio.models.generate_content_stream(
        model="an/talk", contents="Say hello."
    )
    assert "".join([chunk.text or "" async for chunk in stream]) == TALK
