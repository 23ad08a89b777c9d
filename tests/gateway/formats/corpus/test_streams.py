"""Recorded streams: cut anywhere, relayed, and into each format that a client may speak."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import formats
from gateway.formats.types import Opaque, Reply
from tests.gateway.formats.corpus.compare import differences, said
from tests.gateway.formats.corpus.exceptions import refused, unexplained
from tests.gateway.formats.corpus.recordings import Recording, each, each_into, folded, outcome
from tests.gateway.formats.corpus.test_answers import asked_by

PLACES = st.lists(st.integers(0, 1 << 20), max_size=8)
# A recording is one example of its format already: a few cuts of each are many in all.
FEW = settings(
    max_examples=4, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % len(data) for place in places} | awkward(data, places) | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def awkward(data: bytes, places: list[int]) -> set[int]:
    """A place in the midst of a character, of a line's end and of an event's, where there is one."""
    found = set()
    for place in places:
        start = place % len(data)
        for mark in (b"\r\n", b"\n\n", b"\xc3", b"\xe2", b"\xf0"):
            at = data.find(mark, start)
            found |= {at + 1} if at >= 0 else set()
    return found


@each(lambda recording: recording.stream is not None)
def test_a_stream_is_read_or_its_failure_is_known(recording: Recording) -> None:
    told = outcome(recording.dialect, recording.stream or b"")
    if isinstance(told, str):
        assert refused("stream", recording.id, told), told
    else:
        assert told.parts or unexplained("stream", recording.id, ["parts"]) == []


@each(lambda recording: recording.stream)
def test_where_a_stream_is_cut_makes_no_difference(recording: Recording) -> None:
    data = recording.stream or b""
    whole = outcome(recording.dialect, data)

    @FEW
    @given(places=PLACES)
    def at_any_place(places: list[int]) -> None:
        assert outcome(recording.dialect, *cut(data, places)) == whole

    at_any_place()


@each(lambda recording: recording.stream)
def test_a_relay_passes_every_byte(recording: Recording) -> None:
    data = recording.stream or b""
    whole = outcome(recording.dialect, data)
    if isinstance(whole, str):
        return

    @FEW
    @given(places=PLACES)
    def at_any_place(places: list[int]) -> None:
        relay = recording.format.Relay(False)
        passed = b"".join(relay.feed(piece) for piece in cut(data, places)) + relay.close()
        # What the upstream's end lacks is added: an empty line, a last event.
        assert passed.startswith(data.rstrip(b"\r\n"))
        assert relay.started
        assert relay.finished
        assert relay.usage == whole.usage

    at_any_place()


@each_into(lambda recording: recording.stream, own=True)
def test_a_stream_in_any_format_says_the_same(recording: Recording, to: str) -> None:
    reply = outcome(recording.dialect, recording.stream or b"")
    if isinstance(reply, str):
        return
    again = folded(to, written(recording, reply, to))
    lost = differences(said(reply), said(again))
    assert unexplained("other stream", recording.id, lost, to) == []
    if to == recording.dialect:
        assert opaque(again) == opaque(reply)


def opaque(reply: Reply) -> list[Opaque]:
    return [part for part in reply.parts if isinstance(part, Opaque)]


def written(recording: Recording, reply: Reply, to: str) -> bytes:
    """The stream that a client of the format `to` gets."""
    asked = asked_by(recording, reply.model, to)
    decoder, encoder = recording.format.StreamDecoder(), formats.by_name(to).StreamEncoder(asked)
    events = decoder.feed(recording.stream or b"") + decoder.close()
    return b"".join(encoder.encode(event) for event in events)
