"""How long a sound is, by how it begins; and words as one reads them."""

import io
import wave

import pytest

from gateway.formats.length import milliseconds
from gateway.formats.transcriptions.hearing import segmented
from gateway.formats.transcriptions.types import Segment, Word


def recorded(seconds: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(32_000 * seconds))
    return file.getvalue()


def flac(rate: int, samples: int) -> bytes:
    packed = (rate << 44) | (15 << 36) | samples
    return b"fLaC\x80\x00\x00\x22" + bytes(10) + packed.to_bytes(8, "big") + bytes(16)


MP3 = b"\xff\xfb\x90\x64" + bytes(60)  # MPEG 1, layer III, 128 kbit/s
CASES = [
    ("wav", recorded(5)[:64], len(recorded(5)), 5001),
    ("flac", flac(44_100, 441_000), 1_000_000, 10_000),
    ("mp3", MP3, 160_000, 10_000),
    ("mp3 with a title", b"ID3\x04\x00\x00\x00\x00\x00\x05title" + MP3, 160_000, 10_000),
    ("anything else", b"\x1aE\xdf\xa3", 80_000, 10_000),
    ("a rate that cannot be", b"RIFF\0\0\0\0WAVEfmt " + bytes(40), 80_000, 10_000),
    ("nothing", b"", 0, 0),
]


@pytest.mark.parametrize(("name", "head", "size", "ms"), CASES, ids=[case[0] for case in CASES])
def test_a_length_is_told_by_the_beginning(name: str, head: bytes, size: int, ms: int) -> None:
    assert milliseconds(head, size) == ms


def test_words_are_read_sentence_by_sentence_and_speaker_by_speaker() -> None:
    words = (
        Word("Hi.", 0.0, 0.3), Word("So", 0.4, 0.5), Word("far", 2.0, 2.2),
        Word("off?", 2.3, 2.5, "B"),
    )  # fmt: skip
    assert segmented(words) == (
        Segment("Hi.", 0.0, 0.3),
        Segment("So", 0.4, 0.5),
        Segment("far", 2.0, 2.2),
        Segment("off?", 2.3, 2.5, "B"),
    )


def test_what_is_said_without_a_stop_is_cut_where_it_is_long() -> None:
    words = tuple(Word("la", at, at + 0.9) for at in range(20))
    assert [segment.end - segment.start <= 7 for segment in segmented(words)] == [True] * 3
