"""The clients, each written from its format's documentation and with nothing of ours."""

from typing import Protocol

from tests.matrix.clients import (
    anthropic_messages,
    gemini,
    ollama_chat,
    openai_chat,
    openai_responses,
)
from tests.matrix.scenarios import Ask, Heard, JSONDict, Result


class Client(Protocol):
    """`SIGNS`: its format has a place for the signature of a thought.

    `build` makes the body of a first turn, `goes_on` that of a second out of the first one's and
    of what was heard. `read` and `read_stream` fail where an answer is none of the format.
    """

    SIGNS: bool

    def path(self, model: str, stream: bool) -> str: ...
    def build(self, ask: Ask, model: str, stream: bool) -> JSONDict: ...
    def goes_on(
        self, body: JSONDict, heard: Heard, results: tuple[Result, ...], model: str
    ) -> JSONDict: ...
    def read(self, status: int, body: JSONDict) -> Heard: ...
    def read_stream(self, data: bytes) -> Heard: ...


CLIENTS: dict[str, Client] = {
    "openai_chat": openai_chat,
    "openai_responses": openai_responses,
    "anthropic_messages": anthropic_messages,
    "gemini": gemini,
    "ollama_chat": ollama_chat,
}
