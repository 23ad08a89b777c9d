"""The neutral form: what is to be said, and how."""

from typing import Literal

from msgspec import Struct, field

from gateway.formats.types import JSONDict

Sound = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]  # pcm: 24 kHz, 16 bit, one channel


class SpeechRequest(Struct, frozen=True, kw_only=True):
    """`speed` is 1 for the usual one."""

    model: str
    text: str
    voice: str
    sound: Sound = "mp3"
    speed: float | None = None
    instructions: str | None = None
    extras: JSONDict = field(default_factory=dict)
