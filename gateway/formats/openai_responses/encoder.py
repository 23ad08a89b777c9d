"""Neutral events to the typed events of the Responses API.

Source: https://platform.openai.com/docs/api-reference/responses-streaming (read 2026-11)
"""

from typing import Any

from gateway.errors import GatewayError, UpstreamFailed
from gateway.formats import custom_tools, sse, wire
from gateway.formats.openai_responses.errors import failure
from gateway.formats.openai_responses.output import (
    call_item,
    encrypted,
    ended,
    image_item,
    item_id,
    message_item,
    reasoning_item,
    refusal_part,
    response_id,
    skeleton,
    summary_part,
    text_part,
)
from gateway.formats.openai_responses.parts import write_citation
from gateway.formats.openai_responses.tools import Names
from gateway.formats.openai_responses.wording import NAME
from gateway.formats.types import (
    Asked,
    Citation,
    CitationSent,
    Event,
    Finish,
    Finished,
    Image,
    JSONDict,
    Opaque,
    Part,
    PartSent,
    RedactedThinking,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolCall,
    ToolCallDelta,
    ToolCallStarted,
    Usage,
)

_BEFORE_TEXT = (
    b"event: response.output_text.delta\n"
    b'data: {"type":"response.output_text.delta","item_id":%b,"output_index":%d,'
    b'"content_index":%d,"logprobs":[],"sequence_number":'
)


class _Call:
    """A call whose item is open. `held`: its arguments are no text yet that can be passed on."""

    __slots__ = ("call", "held", "index", "pieces")

    def __init__(self, call: ToolCall, index: int, held: bool) -> None:
        self.call, self.index, self.held = call, index, held
        self.pieces: list[str] = []

    def whole(self) -> ToolCall:
        arguments = "".join(self.pieces)
        if not self.call.custom and not arguments:
            arguments = "{}"
        call = self.call
        return ToolCall(id=call.id, name=call.name, arguments=arguments, custom=call.custom)

    def is_complete(self) -> bool:
        """Can nothing more come of it? Of free text one never knows."""
        if self.call.custom:
            return False
        try:
            wire.loads("".join(self.pieces))
        except ValueError:
            return False
        return True


class StreamEncoder:
    """Neutral events in, typed events out; one instance a stream.

    One message or thought is open at a time, and it ends where something else begins. Calls may
    be told of in turns: one ends when its arguments are whole and the next begins.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._names = Names(asked.request)
        self._response = skeleton(asked, response_id("", asked), None)
        self._begun = False
        self._sequence = -1
        self._output: list[JSONDict] = []  # an open item as it began, a whole one as it is
        self._message: str | None = None  # the id of the open message
        self._content: list[JSONDict] = []  # its parts that are whole
        self._open: str | None = None  # what is being written: text, refusal, thought
        self._pieces: list[str] = []
        self._annotations: list[JSONDict] = []
        self._before_text = b""
        self._calls: dict[int, _Call] = {}

    def encode(self, event: Event) -> bytes:
        match event:
            case TextDelta(text) if self._open == "text":
                # Nearly every event: only the text and the number are written anew.
                self._pieces.append(text)
                self._sequence += 1
                return self._before_text + b'%d,"delta":%b}\n\n' % (
                    self._sequence,
                    wire.dumps(text),
                )
            case TextDelta():
                return self._begin_text() + self.encode(event)
            case ToolCallDelta(number, arguments):
                return self._arguments(number, arguments)
            case ThinkingDelta(text):
                return self._thought(text)
            case RefusalDelta(text):
                return self._refusal(text)
            case ToolCallStarted():
                return self._call(event)
            case ThinkingSigned(signature, signed_by):
                begun = b"" if self._open == "thought" else self._begin_thought()
                return begun + self._end_thought(encrypted(signature, signed_by))
            case CitationSent(citation):
                return self._cite(citation)
            case PartSent(part):
                return self._whole(part)
            case Started(id, _, created):
                return self._begin(id, created)
            case Finished(finish, usage, _):
                return self._end(finish, usage)

    def fail(self, error: GatewayError) -> bytes:
        """The event that ends a broken stream: what there was of the answer, and why it ended."""
        response = failure(self._response, error) | {"output": self._output}
        return self._event("response.failed", response=response)

    # --- The answer ---------------------------------------------------------------------------

    def _begin(self, id: str, created: int | None) -> bytes:
        """Nothing where the answer has begun; some upstreams do not say when."""
        if self._begun:
            return b""
        self._begun = True
        self._response = skeleton(self._asked, response_id(id, self._asked), created)
        begun = self._event("response.created", response=self._response)
        return begun + self._event("response.in_progress", response=self._response)

    def _end(self, finish: Finish, usage: Usage | None) -> bytes:
        begun = self._begin("", None)
        response = ended(self._response, finish, usage)
        status = response["status"]
        rest = begun + self._close(status)
        return rest + self._event(
            f"response.{status}", response=response | {"output": self._output}
        )

    def _event(self, kind: str, **content: Any) -> bytes:
        self._sequence += 1
        told = {"type": kind, **content, "sequence_number": self._sequence}
        return sse.frame(wire.dumps(told), kind)

    # --- Items --------------------------------------------------------------------------------

    def _place(self, item: JSONDict) -> bytes:
        """The next item begins."""
        begun = self._begin("", None)
        self._output.append(item)
        index = len(self._output) - 1
        return begun + self._event("response.output_item.added", output_index=index, item=item)

    def _settle(self, index: int, item: JSONDict) -> bytes:
        """An item is whole."""
        self._output[index] = item
        return self._event("response.output_item.done", output_index=index, item=item)

    def _id(self, prefix: str) -> str:
        return item_id(prefix, self._response["id"], len(self._output))

    def _close(self, status: str = "completed") -> bytes:
        """Whatever is open ends; `status` is that of the last item."""
        if self._open == "thought":
            return self._end_thought(encrypted(None, None), status)
        rest = self._end_content()
        if self._message is not None:
            item = message_item(self._message, self._content, status)
            rest += self._settle(len(self._output) - 1, item)
            self._message, self._content = None, []
        for number in list(self._calls):
            rest += self._end_call(number, status)
        return rest

    def _whole(self, part: Part) -> bytes:
        match part:
            case RedactedThinking(data=data, signed_by=signed_by):
                content = encrypted(data, signed_by)
                closed = self._close()
                item = reasoning_item(self._id("rs"), [], content, "completed")
            case Image(url=str(url)):  # an item holds the bytes only
                return self.encode(TextDelta(f"![]({url})"))
            case Image():
                closed = self._close()
                item = image_item(self._id("ig"), part)
            case Opaque(format=origin, value=value) if origin == NAME:
                closed, item = self._close(), value
            case _:
                return b""  # this format has no word for it
        return closed + self._place(item) + self._settle(len(self._output) - 1, item)

    # --- Messages -----------------------------------------------------------------------------

    def _begin_content(self, kind: str, part: JSONDict) -> bytes:
        """Go on to the next part of the open message, or begin one."""
        if self._message is not None:
            begun = self._end_content()
        else:
            begun = self._close()
            id = self._id("msg")
            begun += self._place(message_item(id, [], "in_progress"))
            self._message = id
        self._open, self._pieces, self._annotations = kind, [], []
        return begun + self._event("response.content_part.added", **self._where(), part=part)

    def _where(self) -> JSONDict:
        """Where the open part stands."""
        return {
            "item_id": self._message,
            "output_index": len(self._output) - 1,
            "content_index": len(self._content),
        }

    def _begin_text(self) -> bytes:
        begun = self._begin_content("text", text_part(""))
        where = self._where()
        id = wire.dumps(where["item_id"])
        self._before_text = _BEFORE_TEXT % (id, where["output_index"], where["content_index"])
        return begun

    def _refusal(self, text: str) -> bytes:
        begun = b""
        if self._open != "refusal":
            begun = self._begin_content("refusal", refusal_part(""))
        self._pieces.append(text)
        return begun + self._event("response.refusal.delta", **self._where(), delta=text)

    def _cite(self, citation: Citation) -> bytes:
        written = sum(map(len, self._pieces)) if self._open == "text" else 0
        annotation = write_citation(citation, written)
        if annotation is None:
            return b""
        begun = b"" if self._open == "text" else self._begin_text()
        index = len(self._annotations)
        self._annotations.append(annotation)
        told = {"annotation_index": index, "annotation": annotation}
        return begun + self._event("response.output_text.annotation.added", **self._where(), **told)

    def _end_content(self) -> bytes:
        if self._open is None:
            return b""
        where, text = self._where(), "".join(self._pieces)
        if self._open == "text":
            part = text_part(text, self._annotations)
            rest = self._event("response.output_text.done", **where, text=text, logprobs=[])
        else:
            part = refusal_part(text)
            rest = self._event("response.refusal.done", **where, refusal=text)
        self._open, self._pieces = None, []
        self._content.append(part)
        return rest + self._event("response.content_part.done", **where, part=part)

    # --- Thoughts -----------------------------------------------------------------------------

    def _summary(self) -> JSONDict:
        index = len(self._output) - 1
        return {"item_id": self._output[index]["id"], "output_index": index, "summary_index": 0}

    def _begin_thought(self) -> bytes:
        begun = self._close()
        begun += self._place(reasoning_item(self._id("rs"), [], None, "in_progress"))
        self._open, self._pieces = "thought", []
        part = summary_part("")
        return begun + self._event(
            "response.reasoning_summary_part.added", **self._summary(), part=part
        )

    def _thought(self, text: str) -> bytes:
        begun = b"" if self._open == "thought" else self._begin_thought()
        self._pieces.append(text)
        return begun + self._event(
            "response.reasoning_summary_text.delta", **self._summary(), delta=text
        )

    def _end_thought(self, content: str, status: str = "completed") -> bytes:
        where, text = self._summary(), "".join(self._pieces)
        self._open, self._pieces = None, []
        rest = self._event("response.reasoning_summary_text.done", **where, text=text)
        part = summary_part(text)
        rest += self._event("response.reasoning_summary_part.done", **where, part=part)
        item = reasoning_item(where["item_id"], [text], content, status)
        return rest + self._settle(where["output_index"], item)

    # --- Calls --------------------------------------------------------------------------------

    def _call(self, started: ToolCallStarted) -> bytes:
        if self._calls:
            closed = b"".join(
                [self._end_call(n) for n, open in list(self._calls.items()) if open.is_complete()]
            )
        else:
            closed = self._close()
        custom = started.custom or started.name in self._names.customs
        call = ToolCall(id=started.id, name=started.name, arguments="", custom=custom)
        index = len(self._output)
        # The function that stands for a custom tool: its arguments are not the tool's text.
        self._calls[started.index] = _Call(call, index, held=custom and not started.custom)
        return closed + self._place(self._call_item(call, index, "in_progress"))

    def _call_item(self, call: ToolCall, index: int, status: str) -> JSONDict:
        return call_item(self._response["id"], index, call, self._names, status)

    def _arguments(self, number: int, arguments: str) -> bytes:
        call = self._calls.get(number)
        if call is None:
            raise UpstreamFailed("the upstream went on with a tool call after other content")
        call.pieces.append(arguments)
        return b"" if call.held else self._arguments_delta(call, arguments)

    def _arguments_delta(self, call: _Call, text: str) -> bytes:
        kind = "custom_tool_call_input" if call.call.custom else "function_call_arguments"
        where = {"item_id": self._output[call.index]["id"], "output_index": call.index}
        return self._event(f"response.{kind}.delta", **where, delta=text)

    def _end_call(self, number: int, status: str = "completed") -> bytes:
        open = self._calls.pop(number)
        rest = b""
        call = open.whole()
        if open.held:
            text = custom_tools.to_text("".join(open.pieces))
            call = ToolCall(id=call.id, name=call.name, arguments=text, custom=True)
        if open.held or (not open.pieces and call.arguments):
            rest = self._arguments_delta(open, call.arguments)
        item = self._call_item(call, open.index, status)
        where = {"item_id": item["id"], "output_index": open.index}
        if call.custom:
            kind, told = "custom_tool_call_input", {"input": call.arguments}
        else:
            kind, told = "function_call_arguments", {"arguments": call.arguments}
        return (
            rest
            + self._event(f"response.{kind}.done", **where, **told)
            + self._settle(open.index, item)
        )
