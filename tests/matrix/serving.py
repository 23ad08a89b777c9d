"""All the vendors on one real socket; the model's name says which cell is asking."""

import asyncio
import json
from dataclasses import dataclass

from aiohttp import web

from tests.listening import Listening
from tests.matrix.framing import dumps
from tests.matrix.scenarios import SCENARIOS, Seen
from tests.matrix.vendors import VENDORS
from tests.matrix.vendors.strict import Refused

_BY_ID = {scenario.id: scenario for scenario in SCENARIOS}
# Odd, so that the network cuts events and characters in their middle.
_PIECE_BYTES = 61


@dataclass(frozen=True)
class Cell:
    client: str
    upstream: str
    scenario: str
    streams: bool

    def model(self, step: int) -> str:
        """What the vendor is asked for; `read_model` takes it apart."""
        return f"{self.client}.{self.scenario}.{'stream' if self.streams else 'whole'}.{step}"


class Vendors(Listening):
    """`seen`: by format and model, what came, or in words what is wrong with it."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], Seen | str] = {}
        self._heard: dict[tuple[str, str], asyncio.Event] = {}
        super().__init__()

    def url(self, upstream: str) -> str:
        return f"http://127.0.0.1:{self.port}/{upstream}"

    def note_heard(self, upstream: str, model: str) -> None:
        """The client has the beginning of the answer: one that breaks may break now."""
        self.soon(lambda: self._heard_of(upstream, model).set())

    def _heard_of(self, upstream: str, model: str) -> asyncio.Event:
        return self._heard.setdefault((upstream, model), asyncio.Event())

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        _, upstream, path = request.raw_path.split("/", 2)
        vendor = VENDORS[upstream]
        body = json.loads(await request.read())
        try:
            model, streams = vendor.wants(f"/{path}", body)
        except Refused as refused:
            return _json(vendor.refuse(404, str(refused)), 404)
        _, scenario, mode, step = model.split(".")
        answer = _BY_ID[scenario].steps[int(step)].answer
        try:
            self.seen[upstream, model] = vendor.read(body)
        except Refused as refused:
            self.seen[upstream, model] = f"{refused}"
            return _json(vendor.refuse(400, str(refused)), 400)
        if streams != (mode == "stream"):
            self.seen[upstream, model] = "whole and streamed were confused"
        if answer.status != 200:
            return _json(vendor.refuse(answer.status, answer.error), answer.status)
        if streams:
            frames = vendor.stream(answer, model)
            heard = self._heard_of(upstream, model) if answer.breaks else None
            return await _stream(request, vendor.STREAM_TYPE, frames, heard)
        whole = dumps(vendor.answer(answer, model))
        if answer.breaks:
            return await _break_off(request, whole)
        return web.Response(body=whole, content_type="application/json")


def _json(body: object, status: int) -> web.Response:
    return web.Response(body=dumps(body), status=status, content_type="application/json")


async def _stream(
    request: web.BaseRequest, kind: str, frames: list[bytes], heard: asyncio.Event | None
) -> web.StreamResponse:
    """`heard`: the last frame waits for it."""
    response = web.StreamResponse(headers={"content-type": kind})
    await response.prepare(request)
    data = b"".join(frames[:-1] if heard else frames)
    for at in range(0, len(data), _PIECE_BYTES):
        await response.write(data[at : at + _PIECE_BYTES])
    if heard:
        async with asyncio.timeout(10):
            await heard.wait()
        await response.write(frames[-1])
    await response.write_eof()
    return response


async def _break_off(request: web.BaseRequest, whole: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "application/json"})
    response.content_length = len(whole)
    await response.prepare(request)
    await response.write(whole[: len(whole) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
