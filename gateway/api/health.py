from gateway.exchange import Exchange
from gateway.formats import ClientFormat
from gateway.runtime import Runtime


async def alive(exchange: Exchange, format: ClientFormat, runtime: Runtime) -> None:
    """This process answers; `/readyz` says whether it can do its work."""
    await exchange.respond(200, b'{"status":"ok"}')
