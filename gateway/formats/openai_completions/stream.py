"""Streams: neutral events to `text_completion` chunks.

Source: https://platform.openai.com/docs/api-reference/completions/create (read 2026-11)
"""

from typing import Any

from gateway.formats import sse, wire
from gateway.formats.openai_chat.response import write_usage
from gateway.formats.openai_completions.response import FINISH_OUT, choice
from gateway.formats.types import Asked, Event, Finished, JSONDict, RefusalDelta, Started, TextDelta

_AFTER_TEXT = b',"index":0,"logprobs":null,"finish_reason":null}]}\n\n'


class StreamEncoder:
    """Neutral events in, chunks out: those of the text, and of no other content."""

    def __init__(self, asked: Asked) -> None:
        self._include_usage = asked.include_usage
        self._head: JSONDict = {
            "id": asked.id,
            "object": "text_completion",
            "created": asked.created,
            "model": asked.model,
        }
        self._before_text = self._write_before_text()

    def encode(self, event: Event) -> bytes:
        match event:
            case TextDelta(text) | RefusalDelta(text):  # only the text is written anew
                return self._before_text + wire.dumps(text) + _AFTER_TEXT
            case Started(id, _, created):
                self._head["id"] = id or self._head["id"]
                self._head["created"] = created or self._head["created"]
                self._before_text = self._write_before_text()
            case Finished():
                return self._end(event)
        return b""

    def _write_before_text(self) -> bytes:
        return b"data: " + wire.dumps(self._head).removesuffix(b"}") + b',"choices":[{"text":'

    def _end(self, event: Finished) -> bytes:
        end = self._chunk([choice("", FINISH_OUT[event.finish])])
        if self._include_usage and event.usage is not None:
            end += self._chunk([], usage=write_usage(event.usage))
        return end + sse.frame(b"[DONE]")

    def _chunk(self, choices: list[JSONDict], **more: Any) -> bytes:
        return sse.frame(wire.dumps({**self._head, "choices": choices, **more}))
