"""`Idempotency-Key`: what is asked twice is done once and answered twice, for 24 hours.

The first request with a key runs; one that comes meanwhile waits for it, in whatever process. While
it runs the store holds a short-lived record, renewed by its process: one that is killed blocks the
key no longer than `RUNNING_S`. Afterwards the record is the answer.

An answer that is too large to be kept leaves a record that says so. Its duplicates are refused with
409, for as long as it would have been kept: to run again is what the key was to prevent.
"""

import asyncio
import contextlib
import logging
from hashlib import sha256
from types import TracebackType
from uuid import uuid4

import msgspec
from msgspec import Struct

from gateway.errors import AnswerNotKept, BadRequest, IdempotencyInProgress, IdempotencyMismatch
from gateway.formats import wire
from gateway.kept import UNREADABLE, Kept
from gateway.state import State

HEADER = "Idempotency-Key"
VERSION = 1  # of the records, in the key of each
KEPT_S = 24 * 3600.0
RUNNING_S = 15.0
RENEW_S = 5.0
POLL_S = 0.05
RETRY_AFTER_S = 1.0

# What the request itself is to blame for is its answer, as often as it is asked. Anything else
# may be different the next time, so that a retry runs anew.
FINAL = frozenset({400, 404, 413, 422})

log = logging.getLogger(__name__)


class Record(Struct, frozen=True, array_like=True):
    """What the store has under a key.

    `owner` is whose run it is, and "" when that has ended; `kept` is null then where the answer
    was too large.
    """

    fingerprint: str
    owner: str = ""
    kept: Kept | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Record).decode


def read_key(header: bytes | None) -> str | None:
    """The key that a request names, if any.

    Raises:
        BadRequest: It is not 1 to 255 printable ASCII characters.
    """
    if header is None:
        return None
    if not 1 <= len(header) <= 255 or not all(0x20 <= byte < 0x7F for byte in header):
        raise BadRequest(
            f"{HEADER}: 1 to 255 printable ASCII characters are expected", param=HEADER
        )
    return header.decode()


def fingerprint(path: str, content_type: str, body: bytes) -> str:
    """What makes two requests the same: address, kind of answer, and body as it was received."""
    return sha256(wire.dumps([path, content_type]) + body).hexdigest()


def is_final(status: int) -> bool:
    """Whether an answer of this status is given again."""
    return 200 <= status < 300 or status in FINAL


class Idempotency:
    """One a process; processes meet in the state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.running: dict[str, First] = {}

    async def begin(
        self, tenant: int, key: str, fingerprint: str, *, wait_s: float
    ) -> "First | Kept":
        """Be the first with this key, or have what the first was answered.

        Args:
            tenant: The API key's row; 0 is everybody without one.
            wait_s: How long a duplicate waits for the first at most.

        Raises:
            IdempotencyMismatch: The key came with another fingerprint before.
            IdempotencyInProgress: The first has no answer after `wait_s`.
            AnswerNotKept: It had one, which was too large to be kept.
        """
        name = f"idempotency:{VERSION}:{tenant}:{sha256(key.encode()).hexdigest()}"
        mine = Record(fingerprint, owner=uuid4().hex)
        now = asyncio.get_running_loop().time
        until = now() + wait_s
        while True:
            began = now()
            found = None
            if name not in self.running:
                found = await self._take(name, mine)
            here = self.running.get(name)  # which may have begun while the store was asked
            if here is not None:
                found = here.record
            if found is None:
                return First(self, name, mine, began + RUNNING_S)
            if found.fingerprint != fingerprint:
                raise IdempotencyMismatch(
                    f"{HEADER}: the key was used with another request before", param=HEADER
                )
            if found.owner and here is not None:
                await here.ended(until - now())
                found = here.record  # as it ended, even where the store could not take that
            if not found.owner:
                return _answer(found)
            if now() >= until:
                raise IdempotencyInProgress(
                    "the first request with this key has no answer yet", retry_after_s=RETRY_AFTER_S
                )
            if here is None:
                await asyncio.sleep(min(POLL_S, until - now()))

    async def _take(self, name: str, mine: Record) -> Record | None:
        """Who has the key; None where that is the caller now, or where nobody can tell."""
        data = _encode(mine)
        try:
            there = await self.state.take(name, data, RUNNING_S)
            if there is None:
                return None
            found = read(there)
            if found is not None and found.owner != mine.owner:
                return found
            # Its own from an earlier turn, or one that nobody can read.
            await self.state.write(name, data, RUNNING_S)
        except Exception as error:  # better done twice than not at all, whatever it is
            log.warning("a request runs without its key: %s", type(error).__name__)
        return None


def read(data: bytes) -> Record | None:
    """None where this is no `Record` of this version."""
    try:
        return _decode(data)
    except UNREADABLE:
        return None


def _answer(record: Record) -> Kept:
    if record.kept is None:
        raise AnswerNotKept(
            "the request with this key was answered, and its answer is too large to be given again"
        )
    return record.kept


class First:
    """The run that answers for all requests with its key.

    `async with` it: a run that leaves without an answer, its client gone for example, has failed.
    """

    __slots__ = (
        "_home", "_is_over", "_loop", "_name", "_renewal", "_settled", "_timer", "_until", "record",
    )  # fmt: skip

    def __init__(self, home: Idempotency, name: str, record: Record, until: float) -> None:
        self._home, self._name, self.record = home, name, record
        self._until = until  # before that nobody else can have the key
        self._loop = asyncio.get_running_loop()
        self._settled = False
        self._is_over = asyncio.Event()
        self._renewal: asyncio.Task[None] | None = None
        home.running[name] = self
        self._renew_later()

    async def done(self, kept: Kept | None) -> None:
        """Give this answer to every duplicate from now on, if it is final.

        Once; later calls do nothing, and a store that fails is no error. None is an answer that
        was too large to be kept: one that broke off has `failed`.
        """
        if kept is not None and not is_final(kept.status):
            await self.failed()
        else:
            await self._settle(Record(self.record.fingerprint, kept=kept))

    async def failed(self) -> None:
        """Let the next request with the key run. After `done` this does nothing."""
        await self._settle(None)

    async def ended(self, wait_s: float) -> None:
        """Until it has, or `wait_s` are over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._is_over.wait()

    async def __aenter__(self) -> "First":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.failed()

    async def _settle(self, record: Record | None) -> None:
        if self._settled:
            return
        self._settled = True
        self._timer.cancel()
        try:
            if self._renewal is not None:  # cancelled, it could still be written after this
                await asyncio.wait([self._renewal])
            if not await self._is_mine():
                return
            if record is None:
                await self._home.state.drop(self._name)
            else:
                await self._home.state.write(self._name, _encode(record), KEPT_S)
        except Exception as error:  # the running record will be gone by itself
            log.warning("the end of a request with a key is not kept: %s", type(error).__name__)
        finally:
            self.record = record or self.record
            del self._home.running[self._name]
            self._is_over.set()

    def _renew_later(self) -> None:
        # A timer and no task: most calls are over before they need to be renewed.
        self._timer = self._loop.call_later(RENEW_S, self._begin_renewal)

    def _begin_renewal(self) -> None:
        self._renewal = self._loop.create_task(self._renew())

    async def _renew(self) -> None:
        began = self._loop.time()
        try:
            if not await self._is_mine():
                return
            await self._home.state.write(self._name, _encode(self.record), RUNNING_S)
            self._until = began + RUNNING_S
        except Exception as error:  # the next renewal may be luckier
            log.warning("a running request's key is not renewed: %s", type(error).__name__)
        if not self._settled:
            self._renew_later()

    async def _is_mine(self) -> bool:
        """Whether no other process took the key while this one was too busy to renew it."""
        if self._loop.time() < self._until:
            return True
        data = await self._home.state.read(self._name)
        found = None if data is None else read(data)
        return found is None or found.owner == self.record.owner
