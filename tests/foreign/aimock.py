"""`python -m tests.foreign.aimock http://127.0.0.1:4010`: this gateway before CopilotKit's aimock.

Every SDK asks every upstream for a text, whole and streamed, for a call of a tool, whole and
streamed, and gives the tool's result back; then the other kinds. What failed is printed, and how
many succeeded. docs/compatibility.md says how aimock is started.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import httpx
from anthropic import Anthropic
from google import genai
from google.genai import types
from openai import OpenAI

from tests.e2e.gateway import FORGETFUL, KEY, MANAGE_KEY, Gateway, keyed

TEXT = "Hello from afar 👋, and grüß Gott."
CALL = ("get_weather", {"city": "Köln"})
RESULT = "Sunny in Köln, 21 °C."
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ASK, ASK_TOOL = "hello", "What is the weather in Köln?"

# By upstream: where aimock serves it, and the format.
UPSTREAMS = {
    "openai": ("/v1", "openai_chat"),
    "responses": ("/v1", "openai_responses"),
    "anthropic": ("/v1", "anthropic_messages"),
    "gemini": ("/v1beta", "gemini"),
    "bedrock": ("", "bedrock_converse"),
    "cohere": ("", "cohere_chat"),
    "ollama": ("", "ollama_chat"),
}
ELEVENLABS = {"speech": {"format": "elevenlabs_speech"}}


class Plain(BaseHTTPRequestHandler):
    """ElevenLabs' streaming address, `/text-to-speech/{voice}/stream`, is the one that the gateway
    asks; aimock has the plain one only, and is asked there."""

    upstream = ""

    def do_POST(self) -> None:
        path, _, query = self.path.partition("?")
        answer = httpx.post(
            f"{self.upstream}{path.removesuffix('/stream')}?{query}",
            content=self.rfile.read(int(self.headers["content-length"])),
            headers={"xi-api-key": self.headers["xi-api-key"], "content-type": "application/json"},
        )
        self.send_response(answer.status_code)
        self.send_header("content-type", answer.headers["content-type"])
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def plain(url: str) -> str:
    """Its address."""
    Plain.upstream = url
    server = ThreadingHTTPServer(("127.0.0.1", 0), Plain)
    Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def configuration(url: str) -> dict[str, Any]:
    aws = {
        "type": "aws",
        "access_key_id": "AKIATEST",
        "secret_access_key": "s",
        "region": "us-east-1",
    }
    key = {"type": "api_key", "api_key": "sk-test"}
    providers = [
        {"id": f"f-{name}", "alias": f"f-{name}", "base_url": url + path, "format": format,
         "allow_private_network": True}
        for name, (path, format) in UPSTREAMS.items()
    ]  # fmt: skip
    providers.append(
        {"id": "f-elevenlabs", "alias": "f-elevenlabs", "base_url": plain(url) + "/v1",
         "allow_private_network": True, "other_kinds": ELEVENLABS}
    )  # fmt: skip
    return {
        "providers": providers,
        "connections": [
            {"name": each["id"], "provider": each["id"],
             "auth": aws if each["id"] == "f-bedrock" else key}
            for each in providers
        ],
        "api_keys": [
            {"name": "laptop", "key": KEY},
            {"name": "ops", "key": MANAGE_KEY, "scopes": ["manage"], "owner": "admin"},
        ],
        "settings": FORGETFUL,
    }  # fmt: skip


# --- Clients ---------------------------------------------------------------------------------
# Each yields what it saw: text, text, call, call, text.


def chat(url: str, model: str) -> Iterator[Any]:
    client = OpenAI(base_url=url + "/v1", api_key=KEY, max_retries=0)
    tools: Any = [{"type": "function", "function": {"name": CALL[0], "parameters": SCHEMA}}]
    hello: Any = {"model": model, "messages": [{"role": "user", "content": ASK}]}
    asked: Any = {
        "model": model,
        "messages": [{"role": "user", "content": ASK_TOOL}],
        "tools": tools,
    }
    yield client.chat.completions.create(**hello).choices[0].message.content
    chunks = client.chat.completions.create(**hello, stream=True)
    yield "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    message = client.chat.completions.create(**asked).choices[0].message
    call = message.tool_calls[0]
    yield call.function.name, arguments(call.function.arguments)
    with client.chat.completions.stream(**asked) as stream:
        final: Any = stream.get_final_completion()
    streamed = final.choices[0].message.tool_calls[0]
    yield streamed.function.name, arguments(streamed.function.arguments)
    told = {"role": "tool", "tool_call_id": call.id, "content": "21"}
    asked["messages"] += [message.model_dump(exclude_none=True), told]
    yield client.chat.completions.create(**asked).choices[0].message.content


def responses(url: str, model: str) -> Iterator[Any]:
    client = OpenAI(base_url=url + "/v1", api_key=KEY, max_retries=0)
    tools: Any = [{"type": "function", "name": CALL[0], "parameters": SCHEMA, "strict": False}]
    hello: Any = {"model": model, "input": ASK, "store": False}
    asked: Any = {"model": model, "input": [{"role": "user", "content": ASK_TOOL}], "tools": tools,
                  "store": False}  # fmt: skip
    yield client.responses.create(**hello).output_text
    with client.responses.stream(**hello) as stream:
        yield stream.get_final_response().output_text
    whole = client.responses.create(**asked)
    call: Any = next(item for item in whole.output if item.type == "function_call")
    yield call.name, arguments(call.arguments)
    with client.responses.stream(**asked) as stream:
        final = stream.get_final_response().output
    streamed: Any = next(item for item in final if item.type == "function_call")
    yield streamed.name, arguments(streamed.arguments)
    told = {"type": "function_call_output", "call_id": call.call_id, "output": "21"}
    asked["input"] += [call.model_dump(exclude_none=True), told]
    yield client.responses.create(**asked).output_text


def messages(url: str, model: str) -> Iterator[Any]:
    client = Anthropic(base_url=url, api_key=KEY, max_retries=0)
    tools: Any = [{"name": CALL[0], "input_schema": SCHEMA}]
    hello: Any = {"model": model, "max_tokens": 99, "messages": [{"role": "user", "content": ASK}]}
    asked: Any = hello | {"messages": [{"role": "user", "content": ASK_TOOL}], "tools": tools}
    whole: Any = client.messages.create(**hello)
    yield whole.content[0].text
    with client.messages.stream(**hello) as stream:
        yield stream.get_final_text()
    reply: Any = client.messages.create(**asked)
    call = next(block for block in reply.content if block.type == "tool_use")
    yield call.name, call.input
    with client.messages.stream(**asked) as stream:
        final: Any = stream.get_final_message()
    streamed = next(block for block in final.content if block.type == "tool_use")
    yield streamed.name, streamed.input
    told = {"type": "tool_result", "tool_use_id": call.id, "content": "21"}
    said = [block.model_dump(exclude_none=True) for block in reply.content]
    asked["messages"] += [
        {"role": "assistant", "content": said}, {"role": "user", "content": [told]},
    ]  # fmt: skip
    answer: Any = client.messages.create(**asked)
    yield answer.content[0].text


def gemini(url: str, model: str) -> Iterator[Any]:
    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=url))
    declared = types.FunctionDeclaration(name=CALL[0], parameters_json_schema=SCHEMA)
    off = types.AutomaticFunctionCallingConfig(disable=True)
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[declared])], automatic_function_calling=off
    )
    ask, stream = client.models.generate_content, client.models.generate_content_stream
    yield ask(model=model, contents=ASK).text
    yield "".join(piece.text or "" for piece in stream(model=model, contents=ASK))
    user = types.UserContent(ASK_TOOL)
    reply = ask(model=model, contents=[user], config=config)
    call = (reply.function_calls or [])[0]
    yield call.name, call.args
    calls = [
        found
        for piece in stream(model=model, contents=[user], config=config)
        for found in piece.function_calls or []
    ]
    yield calls[0].name, calls[0].args
    result = types.FunctionResponse(id=call.id, name=CALL[0], response={"result": "21"})
    said: Any = reply.candidates and reply.candidates[0].content
    contents: Any = [user, said, types.UserContent(types.Part(function_response=result))]
    yield ask(model=model, contents=contents, config=config).text


def arguments(text: str) -> Any:
    return httpx.Response(200, text=text).json()


CLIENTS: dict[str, Callable[[str, str], Iterator[Any]]] = {
    "chat": chat, "responses": responses, "messages": messages, "gemini": gemini,
}  # fmt: skip
STEPS = (
    ("text", TEXT), ("text, streamed", TEXT), ("tool", CALL), ("tool, streamed", CALL),
    ("tool's result", RESULT),
)  # fmt: skip


# --- Other kinds -----------------------------------------------------------------------------


def others(url: str) -> Iterator[tuple[str, Callable[[], bool]]]:
    client = OpenAI(base_url=url + "/v1", api_key=KEY, max_retries=0)

    def vectors(upstream: str) -> bool:
        found = client.embeddings.create(model=f"f-{upstream}/embed-1", input=["a", "b"]).data
        return len(found) == 2 and all(each.embedding for each in found)

    def speech(model: str) -> bool:
        told = client.audio.speech.create(model=model, voice="alloy", input="say it aloud")
        return told.content.startswith(b"ID3")

    def picture() -> bool:
        told = client.images.generate(model="f-openai/gpt-image-1", prompt="a picture")
        return bool(told.data and told.data[0].b64_json == "iVBORw0KGgo=")

    def ranks() -> bool:
        body = {"model": "f-cohere/rerank-1", "query": "q", "documents": ["a", "b"]}
        return "results" in httpx.post(url + "/v1/rerank", json=body, headers=keyed()).json()

    def judged() -> bool:
        told = client.moderations.create(model="f-openai/omni-moderation", input="hello")
        return not told.results[0].flagged

    def vector() -> bool:
        address = f"{url}/v1beta/models/f-gemini/embed-1:embedContent"
        body = {"content": {"parts": [{"text": "a"}]}}
        told = httpx.post(address, json=body, headers=keyed()).json()
        return bool(told["embedding"]["values"])

    def listed(upstream: str) -> bool:
        address = f"{url}/api/connections/f-{upstream}/import-models"
        told = httpx.post(address, headers=keyed(MANAGE_KEY)).json()
        return "gpt-4o" in told["imported"]

    for upstream in ("openai", "ollama", "gemini"):
        yield f"models of {upstream}", partial(listed, upstream)
    yield "embedContent at gemini", vector
    for upstream in ("openai", "gemini", "cohere", "ollama"):
        yield f"embeddings at {upstream}", partial(vectors, upstream)
    yield "speech at openai", partial(speech, "f-openai/tts-1")
    yield "speech at elevenlabs", partial(speech, "f-elevenlabs/eleven_multilingual_v2")
    yield "an image at openai", picture
    yield "reranking at cohere", ranks
    yield "moderation at openai", judged


def checks(gateway: Gateway) -> Iterator[tuple[str, str]]:
    """Of each its name, and what was wrong; nothing, where nothing was."""
    for upstream in UPSTREAMS:
        for client, steps in CLIENTS.items():
            seen = steps(gateway.url, f"f-{upstream}/m-1")
            for step, expect in STEPS:
                name = f"{client} at {upstream}, {step}"
                try:
                    got = next(seen)
                except Exception as error:
                    yield name, f"{type(error).__name__}: {error}"[:300]
                    break  # what follows builds on it
                yield name, "" if got == expect else f"got {got!r}"
    for name, deed in others(gateway.url):
        try:
            yield name, "" if deed() else "another answer"
        except Exception as error:
            yield name, f"{type(error).__name__}: {error}"[:300]


def main(url: str) -> int:
    with TemporaryDirectory() as folder:
        gateway = Gateway(Path(folder), "--no-worker", "--server", "uvicorn")
        gateway.manage("bootstrap")
        gateway.apply(configuration(url.rstrip("/")))
        gateway.start()
        try:
            told = list(checks(gateway))
            for name, wrong in told:
                if wrong:
                    print(f"{name}: {wrong}")
            print(f"{sum(not wrong for _, wrong in told)} of {len(told)} are as they should be")
            gateway.stop()  # which brings the last rows into the log
            for row in gateway.rows("outcome = 'ok' AND usage_source != 'reported'"):
                print("estimated:", row["client_format"], row["model"], row["stream"])
        finally:
            if gateway.process.poll() is None:
                gateway.kill()
    return int(any(wrong for _, wrong in told))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
