"""The neutral form: a file in which somebody speaks, and what was said. Times are in seconds."""

from typing import Literal

from msgspec import Struct, field

from gateway.formats.multipart import Incoming
from gateway.formats.types import JSONDict, Usage

Shape = Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]


class TranscriptionRequest(Struct, frozen=True, kw_only=True):
    """`shape` is that of the answer; `extras` are what a provider may know beside it."""

    model: str
    file: Incoming
    shape: Shape = "json"
    into_english: bool = False
    language: str | None = None
    prompt: str | None = None
    temperature: float | None = None
    granularities: tuple[str, ...] = ()
    extras: JSONDict = field(default_factory=dict)

    @property
    def is_timed(self) -> bool:
        """Does the answer tell when something was said?"""
        return self.shape not in ("json", "text")


class Word(Struct, frozen=True):
    text: str
    start: float
    end: float
    speaker: str | None = None


class Segment(Struct, frozen=True):
    text: str
    start: float
    end: float
    speaker: str | None = None


class Transcript(Struct, frozen=True, kw_only=True):
    """`usage` is null where neither tokens nor the sound's length are told."""

    text: str
    language: str | None = None
    duration: float | None = None
    segments: tuple[Segment, ...] = ()
    words: tuple[Word, ...] = ()
    usage: Usage | None = None
