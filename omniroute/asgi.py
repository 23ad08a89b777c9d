"""The ASGI application: the door to both planes."""

import asyncio
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omniroute.settings")

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

django = get_asgi_application()  # before anything that needs the models

from gateway import runtime
from gateway.asgi import Door


async def refuse_websocket(scope: Any, receive: Any, send: Any) -> None:
    """There is nothing to talk to over a WebSocket; closing at once makes clients fall back."""
    await receive()
    await send({"type": "websocket.close", "code": 1008})


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """For servers other than `serve`'s, which start and close the runtime themselves."""
    while True:
        match (await receive())["type"]:
            case "lifespan.startup":
                process = await asyncio.to_thread(runtime.start)
                await process.open()
                await send({"type": "lifespan.startup.complete"})
            case "lifespan.shutdown":
                if (running := runtime.current()) is not None:
                    await running.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


application = ProtocolTypeRouter(
    {"http": Door(django), "websocket": refuse_websocket, "lifespan": lifespan}
)
