"""The wire formats, by name. What each must offer is `Format`; those of other kinds of model than
chat are in `gateway.formats.kinds`."""

from typing import Protocol, TypeGuard

from gateway.errors import GatewayError, UpstreamFailed
from gateway.formats import (
    anthropic_messages,
    bedrock_converse,
    cohere_chat,
    gemini,
    gemini_array,
    ollama_chat,
    openai_chat,
    openai_completions,
    openai_responses,
)
from gateway.formats import kinds as other_kinds
from gateway.formats.kinds import Answered, Answering, AnyClient, AnyUpstream
from gateway.formats.needs import Needs
from gateway.formats.thinking import Thinking
from gateway.formats.types import (
    Asked,
    Encoded,
    Event,
    JSONDict,
    Part,
    Prompt,
    Quirks,
    Reply,
    Usage,
)


class StreamDecoder(Protocol):
    """Upstream bytes, cut anywhere, to events; `close` at the upstream's end."""

    def feed(self, data: bytes) -> list[Event]: ...
    def close(self) -> list[Event]: ...


class StreamEncoder(Protocol):
    def encode(self, event: Event) -> bytes: ...


class Stage(Protocol):
    """What an upstream's stream passes through on its way to the client.

    `started`: content was seen, so that no other target can be tried any more. `finished`: the
    terminal bytes are passed. `text_chars`: how much the model has written, for an estimate where
    no usage is told. `units`: the same of what is not counted in tokens, as `Usage.units`. `failed`:
    the upstream reported an error after the start; it is passed on.
    """

    started: bool
    finished: bool
    usage: Usage | None
    text_chars: int
    failed: UpstreamFailed | None

    @property
    def units(self) -> dict[str, int]: ...
    def feed(self, data: bytes) -> bytes: ...
    def close(self) -> bytes: ...
    def fail(self, error: GatewayError) -> bytes | None:
        """The event that ends a broken stream, where that has more to tell than the error."""


class _MakesEncoder(Protocol):
    def __call__(self, asked: Asked) -> StreamEncoder: ...


class _MakesDecoder(Protocol):
    def __call__(self) -> StreamDecoder: ...


class _MakesRelay(Protocol):
    def __call__(self, strip_usage: bool) -> Stage: ...


class ClientSide(Answering, Protocol):
    """Reading requests for chat models and answering them."""

    @property
    def STREAM_TYPE(self) -> str:
        """The content type of its streams."""

    @property
    def StreamEncoder(self) -> _MakesEncoder: ...

    def decode_request(self, body: JSONDict) -> Prompt: ...
    def encode_response(self, reply: Reply, asked: Asked) -> JSONDict: ...
    def encode_stream_error(self, error: GatewayError, request_id: str) -> bytes: ...


class ClientFormat(ClientSide, Protocol):
    """What a client may speak; what is done to its request, and read off it, before it is decoded."""

    def with_system(self, request: JSONDict, text: str) -> JSONDict: ...
    def with_thinking(self, request: JSONDict, thinking: Thinking) -> JSONDict: ...
    def needs(self, request: JSONDict) -> Needs: ...


class UpstreamFormat(Answered, Protocol):
    """What an upstream of chat models may speak."""

    @property
    def STREAM_TYPE(self) -> str:
        """The content type of its streams."""

    @property
    def TAKES_URLS(self) -> tuple[type[Part], ...]:
        """The parts that its upstreams fetch by themselves; of others they want the bytes."""

    @property
    def StreamDecoder(self) -> _MakesDecoder: ...
    @property
    def Relay(self) -> _MakesRelay: ...

    def encode_request(self, prompt: Prompt, model: str, quirks: Quirks) -> Encoded: ...
    def readdress(
        self, body: JSONDict, model: str, quirks: Quirks
    ) -> tuple[JSONDict, bool, tuple[str, ...]]: ...
    def decode_response(self, body: JSONDict) -> Reply: ...
    def sniff_response(self, data: bytes) -> Usage | None: ...


class Format(ClientSide, UpstreamFormat, Protocol):
    """A wire format with both its sides: what is decoded can be written again."""


# What an upstream may speak. Each has both sides, though no client speaks all of them to us.
FORMATS: dict[str, Format] = {
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "anthropic_messages": anthropic_messages,
    "gemini": gemini,
    "cohere_chat": cohere_chat,
    "ollama_chat": ollama_chat,
    "bedrock_converse": bedrock_converse,
}
# What a client may speak.
CLIENTS: dict[str, ClientFormat] = {
    "openai_chat": openai_chat,
    "openai_completions": openai_completions,
    "openai_responses": openai_responses,
    "anthropic_messages": anthropic_messages,
    "gemini": gemini,
    "gemini_array": gemini_array,
    "ollama_chat": ollama_chat,
}


def by_name(name: str) -> Format:
    return FORMATS[name]


def for_client(name: str) -> ClientFormat:
    return CLIENTS[name]


def for_any_client(name: str) -> AnyClient:
    """Of whatever kind."""
    return CLIENTS.get(name) or other_kinds.CLIENTS[name]


def is_chat(format: AnyClient) -> TypeGuard[ClientFormat]:
    return format.NAME in CLIENTS


def is_chat_upstream(format: AnyUpstream) -> TypeGuard[Format]:
    return format.NAME in FORMATS
