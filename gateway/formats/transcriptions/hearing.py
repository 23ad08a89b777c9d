"""What the formats of transcriptions share: reading words, and making segments of them."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from gateway.errors import NotSupported, UpstreamFailed
from gateway.formats import wire
from gateway.formats.needs import members
from gateway.formats.transcriptions.types import Segment, Transcript, TranscriptionRequest, Word
from gateway.formats.types import JSONDict, Usage

# Where no segments are told, one ends with a sentence, at a pause, or when it is as long as what
# can be read at a glance.
PAUSE_S = 1.0
LONGEST_S = 7.0
LONGEST_SOUND_S = 1e8
_ENDS = (".", "?", "!", "…", "。", "？", "！")  # noqa: RUF001  # Chinese and Japanese ones


def no_translation(request: TranscriptionRequest) -> None:
    """Raises `NotSupported` where the words are to be in English, whatever was spoken."""
    if request.into_english:
        raise NotSupported("this provider transcribes and does not translate", param="model")


def typed(value: Any) -> Any:
    """A field of a form as JSON has it: `true`, numbers and arrays; else the text it is."""
    if not isinstance(value, str):
        return value
    try:
        return wire.loads(value)
    except ValueError:
        return value


def seconds(value: object) -> float:
    """A moment, or a length; what is no sensible number is 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return 0.0
    return float(min(max(value, 0), LONGEST_SOUND_S))


def words(rows: Iterable[JSONDict], *names: str, unit: float = 1.0) -> tuple[Word, ...]:
    """`names`: of the fields in which a word may stand, the best first; `unit`: of times, in s."""
    found = []
    for row in rows:
        text = next((row[name] for name in names if isinstance(row.get(name), str)), "")
        if text.strip():
            start, end = seconds(row.get("start")) * unit, seconds(row.get("end")) * unit
            found.append(Word(text.strip(), start, max(start, end), speaker_of(row)))
    return tuple(found)


def speaker_of(row: JSONDict) -> str | None:
    told = row.get("speaker", row.get("speaker_id"))
    return str(told) if isinstance(told, str | int) else None


def segmented(found: tuple[Word, ...]) -> tuple[Segment, ...]:
    """Words as one reads them: sentence by sentence, and speaker by speaker."""
    return tuple(_segment(run) for run in _runs(found))


def _runs(found: tuple[Word, ...]) -> Iterator[list[Word]]:
    run: list[Word] = []
    for word in found:
        if run and _is_over(run, word):
            yield run
            run = []
        run.append(word)
    if run:
        yield run


def _is_over(run: list[Word], following: Word) -> bool:
    last = run[-1]
    return (
        last.text.endswith(_ENDS)
        or last.speaker != following.speaker
        or following.start - last.end > PAUSE_S
        or following.end - run[0].start > LONGEST_S
    )


def _segment(run: list[Word]) -> Segment:
    text = " ".join(word.text for word in run)
    return Segment(text, run[0].start, run[-1].end, run[0].speaker)


def heard(
    text: object,
    *,
    language: object = None,
    duration: float = 0.0,
    segments: tuple[Segment, ...] = (),
    words: tuple[Word, ...] = (),
) -> Transcript:
    """An answer whose cost is by the length of the sound.

    Raises:
        UpstreamFailed: It has no text, not even an empty one.
    """
    if not isinstance(text, str):
        raise UpstreamFailed("the upstream's answer has no text", upstream_status=200)
    ends = [segment.end for segment in segments] + [word.end for word in words]
    duration = duration or max(ends, default=0.0)
    return Transcript(
        text=text,
        language=language if isinstance(language, str) and language else None,
        duration=duration or None,
        segments=segments or segmented(words),
        words=words,
        usage=Usage(units={"milliseconds": math.ceil(duration * 1000)}) if duration else None,
    )


def rows(body: JSONDict, name: str) -> tuple[Segment, ...]:
    """Segments that a provider tells itself."""
    return tuple(
        Segment(
            row["text"].strip(), seconds(row.get("start")), seconds(row.get("end")), speaker_of(row)
        )
        for row in members(body, name)
        if isinstance(row.get("text"), str)
    )
