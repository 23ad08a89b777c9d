"""What a fixture under tests/wire/ is expected to say."""

from dataclasses import dataclass

from gateway.formats.types import Finish, Part, Reply, Text, ToolCall, Usage

TOLD = Usage(9, 4)
HELLO = Text(text="Grüß Gott 🌄")


@dataclass(frozen=True)
class Case:
    """`name` is the fixture's, `id` what is odd about it.

    `failure`: words of the error that the stream is, where it is no answer.
    """

    name: str
    id: str
    parts: tuple[Part, ...] = (HELLO,)
    finish: Finish = "stop"
    usage: Usage | None = TOLD
    stop_sequence: str | None = None
    failure: str = ""


@dataclass(frozen=True)
class Table:
    """A format's fixtures of streams: files that end with `suffix`.

    `head`: whose id, model and time of creation all of them tell.
    """

    suffix: str
    head: Reply
    cases: list[Case]


def calling(id: str, arguments: str = '{"city": "Graz"}') -> ToolCall:
    """A call of the tool that nearly all fixtures call."""
    return ToolCall(id=id, name="weather", arguments=arguments)
