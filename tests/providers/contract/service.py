"""The provider's side of a call: notes what arrives, and answers as the vendor documents it."""

import json
from dataclasses import dataclass, field

from aiohttp import web

from tests.matrix.scenarios import Answer, JSONDict
from tests.matrix.vendors import VENDORS

ANSWER = Answer(text="Hello from the provider.")


@dataclass
class Arrived:
    method: str = ""
    path: str = ""  # and query, as they came
    headers: dict[str, str] = field(default_factory=dict)  # names in small letters
    body: JSONDict = field(default_factory=dict)


class Service:
    """`base`: the path before what the format adds. Use it as a context."""

    def __init__(self, format: str, base: str) -> None:
        self.arrived = Arrived()
        self._vendor, self._base = VENDORS[format], base
        self._runner = web.ServerRunner(web.Server(self._serve), shutdown_timeout=0)

    async def __aenter__(self) -> "Service":
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = json.loads(await request.read())
        self.arrived = Arrived(request.method, request.raw_path, headers, body)
        path = request.raw_path.removeprefix(self._base)
        model, streams = self._vendor.wants(path, body)
        if streams:
            data = b"".join(self._vendor.stream(ANSWER, model))
            return web.Response(body=data, headers={"content-type": self._vendor.STREAM_TYPE})
        whole = json.dumps(self._vendor.answer(ANSWER, model)).encode()
        return web.Response(body=whole, content_type="application/json")
