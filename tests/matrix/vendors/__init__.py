"""The vendors, each written from its documentation and with nothing of ours."""

from typing import Protocol

from tests.matrix.scenarios import Answer, JSONDict, Seen
from tests.matrix.vendors import (
    anthropic_messages,
    bedrock_converse,
    cohere_chat,
    gemini,
    ollama_chat,
    openai_chat,
    openai_responses,
)


class Vendor(Protocol):
    """`SIGNS`: thoughts carry a signature, without which they are not taken back."""

    SIGNS: bool
    STREAM_TYPE: str

    def wants(self, path: str, body: JSONDict) -> tuple[str, bool]: ...
    def read(self, body: JSONDict) -> Seen: ...
    def answer(self, answer: Answer, model: str) -> JSONDict: ...
    def stream(self, answer: Answer, model: str) -> list[bytes]: ...
    def refuse(self, status: int, message: str) -> JSONDict: ...


VENDORS: dict[str, Vendor] = {
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "anthropic_messages": anthropic_messages,
    "gemini": gemini,
    "bedrock_converse": bedrock_converse,
    "cohere_chat": cohere_chat,
    "ollama_chat": ollama_chat,
}
