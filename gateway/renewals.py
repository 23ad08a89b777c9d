"""A token that has expired when a call needs it: renewed then and there, once for all that wait."""

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from django.db import DatabaseError, connection

from gateway.bearers import Bearer
from gateway.errors import CredentialFailed, UpstreamFailed
from providers.credentials import CredentialUnreadable
from providers.models import Token
from providers.oauth import renewal
from providers.oauth.renewal import Current, NotRenewed

log = logging.getLogger(__name__)

THREADS = 8
LOOK_S = 0.05  # while another process renews it
PATIENCE_S = 60.0  # a call gives up earlier, by its own limits
# A token that an upstream refuses although it holds is renewed, but not the next one at once too.
REFUSED_AGAIN_S = 60.0


class Renewals:
    """One a process; its `renew` for the event loop."""

    def __init__(self) -> None:
        # Apart from other threads: they would wait for a provider that does not answer.
        self._threads = ThreadPoolExecutor(THREADS, "renewals")
        self._running: dict[int, asyncio.Task[None]] = {}

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def renew(self, bearer: Bearer) -> None:
        """Returns when the bearer has a token that can be used.

        The renewal goes on when the call that asked for it does not: a token that the provider
        has given out is the only one.

        Raises:
            CredentialFailed: A person has to sign in, or the credential is not there.
            UpstreamFailed: The provider gives out no token, now.
        """
        if bearer.needs_login:
            raise CredentialFailed(bearer.needs_login)
        task = self._running.get(bearer.connection)
        if task is None:
            task = asyncio.create_task(self._renew(bearer))
            self._running[bearer.connection] = task
            task.add_done_callback(lambda _: self._running.pop(bearer.connection, None))
            task.add_done_callback(_looked_at)
        await asyncio.shield(task)

    async def after_refusal(self, bearer: Bearer, sent: int) -> bool:
        """The upstream refused the token of version `sent`. Is there another one now?"""
        if bearer.version == sent:
            now = time.time()
            if bearer.connection not in self._running:
                if now - bearer.refused < REFUSED_AGAIN_S:
                    return False
                bearer.refused = now
            try:
                await self.renew(bearer)
            except UpstreamFailed:
                return False
        return bearer.version != sent

    async def _renew(self, bearer: Bearer) -> None:
        until = time.monotonic() + PATIENCE_S
        while (held := await self._attempt(bearer)) is None:
            if time.monotonic() > until:
                raise UpstreamFailed("another process has not renewed the token")
            await asyncio.sleep(LOOK_S)
        bearer.take(held)
        if bearer.needs_login:
            raise CredentialFailed(bearer.needs_login)

    async def _attempt(self, bearer: Bearer) -> Current | None:
        def run() -> Current | None:
            connection.close_if_unusable_or_obsolete()
            return renewal.renew(bearer.connection, bearer.version)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, run)
        except NotRenewed as error:
            failed = CredentialFailed if error.is_credential else UpstreamFailed
            raise failed(str(error)) from None
        except (CredentialUnreadable, Token.DoesNotExist) as error:
            raise CredentialFailed(f"the credential cannot be used: {error}") from None
        except DatabaseError as error:
            raise UpstreamFailed(f"the token cannot be read: {type(error).__name__}") from None


def _looked_at(task: asyncio.Task[None]) -> None:
    """Nobody may wait for it any more; what it raises has been logged where it happened."""
    if not task.cancelled():
        task.exception()
