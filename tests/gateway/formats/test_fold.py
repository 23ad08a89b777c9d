"""A stream's events are one answer."""

from dataclasses import dataclass

import pytest

from gateway.errors import UpstreamFailed
from gateway.formats.fold import fold
from gateway.formats.types import (
    Citation,
    CitationSent,
    Event,
    Finished,
    Image,
    Part,
    PartSent,
    Refusal,
    RefusalDelta,
    Reply,
    Started,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ThinkingSigned,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)

A_PAGE = Citation(format="f", value={}, url="https://example.com")
A_PICTURE = Image(url="https://example.com/a.png")


@dataclass(frozen=True)
class Case:
    id: str
    events: list[Event]
    parts: tuple[Part, ...]


CASES = [
    Case("nothing", [], ()),
    Case("text in pieces", [TextDelta("a"), TextDelta("b")], (Text(text="ab"),)),
    Case("a refusal", [RefusalDelta("n"), RefusalDelta("o")], (Refusal(text="no"),)),
    Case("thoughts, and then words", [ThinkingDelta("h"), ThinkingDelta("m"), TextDelta("a")], (Thinking(text="hm"), Text(text="a"))),
    Case("a signature ends a thought", [ThinkingDelta("h"), ThinkingSigned("s", "f"), ThinkingDelta("m")], (Thinking(text="h", signature="s", signed_by="f"), Thinking(text="m"))),
    Case("a signature of nothing stands alone", [TextDelta("a"), ThinkingSigned("s"), TextDelta("b")], (Text(text="a"), Thinking(text="", signature="s"), Text(text="b"))),
    Case("a citation is of the text around it", [TextDelta("a"), CitationSent(A_PAGE), TextDelta("b")], (Text(text="ab", citations=(A_PAGE,)),)),
    Case("calls that interleave", [ToolCallStarted(0, "a", "f"), ToolCallStarted(1, "b", "g", True), ToolCallDelta(0, "{"), ToolCallDelta(1, "x"), ToolCallDelta(0, "}")], (ToolCall(id="a", name="f", arguments="{}"), ToolCall(id="b", name="g", arguments="x", custom=True))),
    Case("a part in one piece stands where it came", [TextDelta("a"), PartSent(A_PICTURE), TextDelta("b")], (Text(text="a"), A_PICTURE, Text(text="b"))),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_events_are_an_answer(case: Case) -> None:
    first, last = Started("i", "m", 5, Usage(3)), Finished("length", Usage(3, 2), "END")
    assert fold([first, *case.events, last]) == Reply(
        id="i",
        model="m",
        created=5,
        parts=case.parts,
        finish="length",
        stop_sequence="END",
        usage=Usage(3, 2),
    )


def test_usage_of_the_start_is_better_than_none() -> None:
    assert fold([Started("i", "m", None, Usage(3)), Finished("stop")]).usage == Usage(3)


def test_without_an_end_there_is_no_answer() -> None:
    with pytest.raises(UpstreamFailed, match="broke off"):
        fold([Started("i", "m"), TextDelta("a")])
