"""The ASGI application: the door to both planes."""

import asyncio
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "omniroute.settings")

from django.core.asgi import get_asgi_application

django = get_asgi_application()  # before anything that needs the models

from gateway import runtime
from gateway.asgi import Door
from omniroute.console.live import LogTail
from omniroute.serving import LIVE_LOG

SOCKETS = {LIVE_LOG: LogTail.as_asgi()}


async def talk(scope: Any, receive: Any, send: Any) -> None:
    """Over a WebSocket; elsewhere than at those addresses, closing makes clients fall back."""
    if (consumer := SOCKETS.get(scope["path"])) is not None:
        await consumer(scope, receive, send)
    else:
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


application = Door(django, {"websocket": talk, "lifespan": lifespan})
