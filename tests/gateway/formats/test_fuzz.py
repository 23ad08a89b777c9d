"""No input to a decoder raises anything but what becomes a 400 or an upstream's failure.

What is fed are the fixtures under tests/wire/ of every registered format, with something odd in
them: random JSON is refused at the first field, and says nothing of what lies behind it.
"""

import json
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import formats
from gateway.errors import BadRequest, UpstreamFailed
from gateway.formats import wire
from gateway.formats.fold import fold
from gateway.formats.types import Asked, Event, JSONDict, Prompt, Quirks, Reply
from tests.gateway.formats.test_streams import JSON, cut
from tests.gateway.formats.wire import fixtures
from tests.gateway.formats.wire.pieces import pieces, replaced

NAMES = sorted(formats.FORMATS)
ASKED = Asked(model="m", id="i", created=1, include_usage=True)
QUIRKS = (
    Quirks(),
    Quirks(reasoning="adaptive", developer_role=True, alternate_roles=True, max_output_tokens=4096),
)


def bodies(name: str) -> list[Any]:
    """Requests and answers alike: either decoder gets both."""
    return [json.loads(path.read_text()) for path in fixtures.bodies(name)]


def streams(name: str) -> list[bytes]:
    return [fixtures.stream_of(path) for path in fixtures.streams(name)]


# --- What is done with what is read ----------------------------------------------------------


def serve_request(name: str, body: JSONDict) -> None:
    """A request, read and written in every format."""
    with suppress(BadRequest):
        prompt = formats.by_name(name).decode_request(body)
        for target in formats.FORMATS.values():
            for quirks in QUIRKS:
                _send(target, prompt, quirks)


def _send(target: formats.Format, prompt: Prompt, quirks: Quirks) -> None:
    with suppress(BadRequest):
        wire.dumps(target.encode_request(prompt, "m", quirks).body)


def serve_answer(name: str, body: JSONDict) -> None:
    """An answer, read and written in every format."""
    format = formats.by_name(name)
    with suppress(BadRequest):  # it is too deep to be written as JSON
        data = wire.dumps(body)
        with suppress(UpstreamFailed):
            format.sniff_response(data)
        assert format.decode_error(500, data)
    with suppress(UpstreamFailed):
        _tell(format.decode_response(body))


def _tell(reply: Reply) -> None:
    for target in formats.FORMATS.values():
        with suppress(UpstreamFailed, BadRequest):
            wire.dumps(target.encode_response(reply, ASKED))


def serve_stream(name: str, pieces: list[bytes]) -> None:
    """A stream, relayed, and read and written in every format."""
    for strip_usage in (False, True):
        relay = formats.by_name(name).Relay(strip_usage)
        with suppress(UpstreamFailed):
            for piece in pieces:
                relay.feed(piece)
            relay.close()
    decoder = formats.by_name(name).StreamDecoder()
    events: list[Event] = []
    with suppress(UpstreamFailed):
        for piece in pieces:
            events += decoder.feed(piece)
        events += decoder.close()
    with suppress(UpstreamFailed):
        _tell(fold(events))
    for target in formats.FORMATS.values():
        encoder = target.StreamEncoder(ASKED)
        with suppress(UpstreamFailed):
            for event in events:
                encoder.encode(event)


# --- Odd things ------------------------------------------------------------------------------

DEEP: Any = 0
for _ in range(150):
    DEEP = [DEEP] if _ % 2 else {"content": DEEP}
SCALARS: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**70), 10**400, 1.5, -0.0, 1e308, 1e-320,
    "", " ", "text", "0", "null", "a\r\nb\x00c", "\ud83d", "\udc00\ud800", "🌄", "data:;base64,", "{", "{}",
    [], {}, [None], [{}], [[]], [1, "x"], {"type": None}, {"type": "text"}, {"type": ["x"]}, {"": 0},
    {"type": "function"}, {"text": {"text": "x"}}, DEEP,
]  # fmt: skip
ODD = st.sampled_from(SCALARS) | JSON


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    return [at, *(place for key, item in inner for place in places(item, (*at, key)))]


def at_place(value: Any, at: tuple[Any, ...], change: Callable[[Any], Any]) -> Any:
    """A copy, changed at one place."""
    if not at:
        return change(value)
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = at_place(value[at[0]], at[1:], change)
    return copy


def put(new: Any) -> Callable[[Any], Any]:
    return lambda _: new


def without(value: Any, at: tuple[Any, ...]) -> Any:
    def drop(parent: Any) -> Any:
        if isinstance(parent, dict):
            return {key: item for key, item in parent.items() if key != at[-1]}
        return [item for key, item in enumerate(parent) if key != at[-1]]

    return at_place(value, at[:-1], drop)


def twice(value: Any) -> Any:
    return value * 2 if isinstance(value, list) else [value, value]


@st.composite
def mutated(draw: Any, value: Any) -> Any:
    """A value with one to three subtrees replaced, left out, doubled, or put in another's place."""
    for _ in range(draw(st.integers(1, 3))):
        all_places = places(value)[1:]
        if not all_places:
            break
        at = draw(st.sampled_from(all_places))
        match draw(st.sampled_from(["odd", "odd", "odd", "without", "twice", "other"])):
            case "odd":
                odd = draw(ODD)
                value = at_place(value, at, put(odd))
            case "without":
                value = without(value, at)
            case "twice":
                value = at_place(value, at, twice)
            case "other":
                other = value
                for key in draw(st.sampled_from(all_places)):
                    other = other[key]
                value = at_place(value, at, put(other))
    return value


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_bodies_with_something_odd_in_them(name: str, data: Any) -> None:
    body = data.draw(mutated(data.draw(st.sampled_from(bodies(name)))))
    if isinstance(body, dict):
        serve_request(name, body)
        serve_answer(name, body)


@pytest.mark.parametrize("name", NAMES)
def test_bodies_with_each_odd_thing_in_each_place(name: str) -> None:
    for body in bodies(name):
        for at in places(body)[1:]:
            for odd in SCALARS:
                changed = at_place(body, at, put(odd))
                with suppress(BadRequest):
                    formats.by_name(name).decode_request(changed)
                with suppress(UpstreamFailed):
                    formats.by_name(name).decode_response(changed)


# --- Streams ---------------------------------------------------------------------------------


@st.composite
def odd_streams(draw: Any, name: str) -> list[bytes]:
    """A stream with an odd value in one of its events, or odd bytes, cut anywhere."""
    data = draw(st.sampled_from(streams(name)))
    told = pieces(data)
    objects = [place for place, piece in enumerate(told) if piece.content]
    if objects and draw(st.booleans()):
        place = draw(st.sampled_from(objects))
        value = draw(mutated(json.loads(told[place].content or b"")))
        with suppress(BadRequest):
            data = replaced(told, place, wire.dumps(value))
    else:
        data = draw(odd_bytes(data))
    return cut(data, draw(st.lists(st.integers(0, 5000), max_size=4))) if data else []


@st.composite
def odd_bytes(draw: Any, data: bytes) -> bytes:
    start = draw(st.integers(0, len(data)))
    length = draw(st.sampled_from([0, 1, 2, 20, len(data)]))
    new: bytes = draw(
        st.binary(max_size=8)
        | st.sampled_from(
            [b"", b"\n", b"\n\n", b"\r", b"\x00", b'"', b"{", b"}]}", b"\xff", b"\\ud83d"]
        )
    )
    return data[:start] + new + data[start + length :]


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_streams_with_something_odd_in_them(name: str, data: Any) -> None:
    serve_stream(name, data.draw(odd_streams(name)))


# --- JSON that is odd as text ----------------------------------------------------------------

TEXTS: list[tuple[str, bytes]] = [
    ("arrays, 100,000 deep", b"[" * 100_000),
    ("objects, 100,000 deep", b'{"content":' * 100_000),
    ("closed arrays, 100,000 deep", b"[" * 100_000 + b"]" * 100_000),
    ("a number of 5,000 digits", b"9" * 5000),
    ("a number beyond all floats", b"1e999"),
    ("no number", b"NaN"),
    ("infinity", b"-Infinity"),
    ("half a pair of surrogates", b'"\\ud83d"'),
    ("the wrong half", b'"\\udc00\\ud800"'),
    ("a NUL", b'"\x00"'),
    ("an escaped NUL", b'"\\u0000"'),
    ("no UTF-8", b'"\xff\xfe"'),
    ("a surrogate as UTF-8", b'"\xed\xa0\xbd"'),
    ("a byte order mark", b"\xef\xbb\xbf{}"),
    ("a key that is there twice", b'{"type":"text","type":5,"text":[],"text":"x"}'),
    ("nothing", b""),
    ("cut off", b'{"type":"te'),
    ("two values", b"{}{}"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("odd", [case[1] for case in TEXTS], ids=[case[0] for case in TEXTS])
def test_json_that_is_odd_as_text(name: str, odd: bytes) -> None:
    """In the place of each value of a body and of a stream's event."""
    random_places = random.Random(1)  # the same at each run
    for body in bodies(name):
        chosen = places(body)
        for at in random_places.sample(chosen, min(25, len(chosen))):
            serve_text(name, spliced(body, at, odd))
    for data in streams(name)[:12]:
        told = pieces(data)
        for place, piece in enumerate(told):
            if piece.content is None:
                continue
            event = json.loads(piece.content)
            at = random_places.choice(places(event))
            serve_stream(name, [replaced(told, place, spliced(event, at, odd))])


def spliced(body: Any, at: tuple[Any, ...], odd: bytes) -> bytes:
    mark = "put the odd text here"
    text = json.dumps(at_place(body, at, put(mark))).encode()
    return text.replace(f'"{mark}"'.encode(), odd)


def serve_text(name: str, data: bytes) -> None:
    format = formats.by_name(name)
    with suppress(UpstreamFailed):
        format.sniff_response(data)
    assert format.decode_error(500, data)
    try:
        body = wire.loads(data)
    except ValueError:
        return
    if isinstance(body, dict):
        serve_request(name, body)
        serve_answer(name, body)


@pytest.mark.parametrize("name", NAMES)
def test_json_as_deep_as_can_just_be_read(name: str) -> None:
    """What is read in some frames of Python is written in others, which may be deeper."""
    for body in bodies(name):
        chosen = places(body)
        for at in random.Random(1).sample(chosen, min(12, len(chosen))):
            for depth in (200, 400, 600, 800, 850, 900, 930, 950, 960, 970, 980, 990, 1000):
                serve_text(name, spliced(body, at, b"[" * depth + b"]" * depth))
                serve_text(name, spliced(body, at, b'{"x":' * depth + b"0" + b"}" * depth))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30)
@given(data=st.binary(max_size=300))
def test_any_bytes(name: str, data: bytes) -> None:
    serve_stream(name, [data])
    serve_text(name, data)
