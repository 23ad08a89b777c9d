"""Kinds of model beside chat. Each has formats of its own and a neutral form of its own.

The pipeline serves all of them in the same way; what it asks of every format is here, and what
only chat has (streams of events, tools, system prompts) is in `gateway.formats`.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from gateway.errors import GatewayError
from gateway.formats import embeddings, images, moderations, rerank, speech, transcriptions
from gateway.formats.types import Asked, Encoded, JSONDict, Quirks, Usage


class AnyClient(Protocol):
    """Reading requests and answering them: a module of pure functions. Each one's docstring says
    the rest. The neutral form is that of its kind."""

    @property
    def NAME(self) -> str: ...

    def wants(self, path: str, body: JSONDict) -> tuple[str, bool]: ...
    def max_tokens(self, body: JSONDict) -> int | None: ...
    def check_request(self, body: JSONDict) -> None: ...
    def decode_request(self, body: JSONDict) -> Any: ...
    def encode_error(self, error: GatewayError, request_id: str) -> JSONDict: ...


class Answering(AnyClient, Protocol):
    """A client's format whose answers are JSON."""

    def encode_response(self, reply: Any, asked: Asked) -> JSONDict: ...


class AnyUpstream(Protocol):
    """Writing requests and reading answers: a module of pure functions, as an `AnyClient` is."""

    @property
    def NAME(self) -> str: ...

    def address(self, model: str, stream: bool) -> str: ...
    def encode_request(self, prompt: Any, model: str, quirks: Quirks) -> Encoded: ...
    def decode_error(self, status: int, body: bytes) -> str: ...


class Answered(AnyUpstream, Protocol):
    """An upstream's format whose answers are JSON."""

    def decode_response(self, body: JSONDict) -> Any: ...


class Relayed(AnyUpstream, Protocol):
    """What a client speaks too, so that its requests pass as they are."""

    def readdress(
        self, body: JSONDict, model: str, quirks: Quirks
    ) -> tuple[JSONDict, bool, tuple[str, ...]]: ...


class Lasting(Answered, Protocol):
    """An upstream's format whose answers are tasks, until these are done."""

    def pending(self, body: JSONDict) -> tuple[bool, str]:
        """Is the task to be looked at again, and where, if that is said?"""


class RelayedWhole(Relayed, Answered, Protocol):
    """And so do their answers, which are JSON."""

    def sniff_response(self, data: bytes) -> Usage | None: ...


class KindClient(AnyClient, Protocol):
    """A client's format of another kind than chat."""

    def units(self, body: JSONDict) -> dict[str, int]:
        """What the request is going to use that is not counted in tokens, as `Usage.units`."""


class Uploading(KindClient, Protocol):
    """A client's format whose requests are forms with a file, which is passed on as it comes.

    What it answers is JSON, text or events, as the request says.
    """

    @property
    def STREAMED_FILE(self) -> str:
        """The field that the file is."""

    def file_units(self, head: bytes, size: int) -> dict[str, int]:
        """What a file is going to use, by its beginning and its size in bytes."""

    def is_passed(self, body: JSONDict) -> bool:
        """Is the request relayed where a provider speaks this too, and the answer?"""

    def encode_answer(self, reply: Any, asked: Asked) -> tuple[bytes, str]:
        """The answer's bytes, and their content type."""


class Uploaded(Answered, Protocol):
    """An upstream's format where the file goes first, by itself."""

    def encode_following(self, uploaded: JSONDict, prompt: Any, model: str) -> Encoded:
        """The request that refers to it. Raises `UpstreamFailed` where there is no reference."""


class Kind(Struct, frozen=True):
    """Args:
    noun: As a message calls such a model.
    address: Where clients of OpenAI's shape ask for it.
    default: The format of a server of which nothing else is known.
    usual: The format that a server of a chat format has for this kind, at the same base URL.
    paths: Of those, the paths that are not the format's own.
    is_slow: The first byte of an answer comes only when all of it is made, which may take minutes.
    also: Formats beside one that whoever speaks that speaks too, at addresses of their own.
    """

    name: str
    noun: str
    address: str
    default: str
    usual: Mapping[str, str]
    upstreams: Mapping[str, AnyUpstream]
    clients: Mapping[str, KindClient]
    paths: Mapping[str, str] = {}
    is_slow: bool = False
    also: Mapping[str, frozenset[str]] = {}


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name="embedding",
            noun="an embedding model",
            address="/v1/embeddings",
            default="openai_embeddings",
            usual={
                "openai_chat": "openai_embeddings",
                "gemini": "gemini_embeddings",
                "cohere_chat": "cohere_embeddings",
                "ollama_chat": "ollama_embeddings",
            },
            upstreams=embeddings.UPSTREAMS,
            clients=embeddings.CLIENTS,
            also={"gemini_embeddings": frozenset({"gemini_embed_content"})},
        ),
        Kind(
            name="rerank",
            noun="a reranking model",
            address="/v1/rerank",
            default="cohere_rerank",
            usual={"openai_chat": "cohere_rerank", "cohere_chat": "cohere_rerank"},
            paths={"cohere_chat": "/v2/rerank"},
            upstreams=rerank.UPSTREAMS,
            clients=rerank.CLIENTS,
        ),
        Kind(
            name="moderation",
            noun="a moderation model",
            address="/v1/moderations",
            default="openai_moderations",
            usual={"openai_chat": "openai_moderations"},
            upstreams=moderations.UPSTREAMS,
            clients=moderations.CLIENTS,
        ),
        Kind(
            name="speech",
            noun="a model of speech",
            address="/v1/audio/speech",
            default="openai_speech",
            usual={"openai_chat": "openai_speech"},
            upstreams=speech.UPSTREAMS,
            clients=speech.CLIENTS,
        ),
        Kind(
            name="transcription",
            noun="a model that transcribes speech",
            address="/v1/audio/transcriptions",
            default="openai_transcriptions",
            usual={"openai_chat": "openai_transcriptions"},
            is_slow=True,
            upstreams=transcriptions.UPSTREAMS,
            clients=transcriptions.CLIENTS,
            also={"openai_transcriptions": frozenset({"openai_translations"})},
        ),
        Kind(
            name="image",
            noun="a model of images",
            address="/v1/images/generations",
            default="openai_images",
            usual={"openai_chat": "openai_images", "gemini": "gemini_images"},
            is_slow=True,
            upstreams=images.UPSTREAMS,
            clients=images.CLIENTS,
            also={"openai_images": frozenset({"openai_image_edits"})},
        ),
    )
}
CHAT = "chat"
CHAT_ADDRESS = "/v1/chat/completions"

CLIENTS: dict[str, KindClient] = {
    name: format for kind in KINDS.values() for name, format in kind.clients.items()
}
# By client's format, the field of a form that is a file and is passed on as it comes.
STREAMED_FILES: dict[str, str] = {
    name: format.STREAMED_FILE
    for name, format in CLIENTS.items()
    if hasattr(format, "STREAMED_FILE")
}
_KINDS_OF = {name: kind.name for kind in KINDS.values() for name in kind.clients}


def kind_of(client_format: str) -> str:
    """The kind of model that a client of that format calls."""
    return _KINDS_OF.get(client_format, CHAT)


def is_slow(client_format: str) -> bool:
    kind = KINDS.get(kind_of(client_format))
    return kind is not None and kind.is_slow


def noun(kind: str) -> str:
    """What a message calls a model of that kind."""
    return KINDS[kind].noun if kind in KINDS else "a chat model"


def described(kind: str) -> str:
    """A model of that kind and where it is called, for a message."""
    known = KINDS.get(kind)
    if known is not None:
        return f"{noun(kind)}, which is called at {known.address}"
    if kind == CHAT:
        return f"{noun(kind)}, which is called at {CHAT_ADDRESS}"
    return f"a model of the kind {kind!r}, for which there is no address yet"
