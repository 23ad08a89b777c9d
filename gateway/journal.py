"""The ledger's write-ahead log: what happened, in a file, before anyone is told.

Each process owns a folder with segments and a lock that dies with it. A line is `B` or `E` (begin,
end) and the JSON of one record:

- *begin* is appended before the first upstream byte. It holds the row that the call becomes if
  this process dies: `interrupted`, with estimates. It reserves room for its end in the same
  segment, so a disk that fills up refuses new work and loses none that runs.
- *end* is appended before the client sees the terminal bytes.

A thread inserts the end lines into the database and drops a segment once all of it is there.
Folders whose lock is free belong to the dead: whoever comes by replays them. Ids are unique in the
table, so nothing is inserted twice.

Segments are allocated whole; the zero bytes behind the last line are not content.
"""

import fcntl
import logging
import os
import shutil
import threading
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic

import msgspec
from django.db import DatabaseError, DataError, IntegrityError, connection

from gateway.errors import StorageUnavailable

log = logging.getLogger(__name__)

SEGMENT_BYTES = 8 << 20
BATCH_BYTES = 1 << 20
DRAIN_INTERVAL_S = 0.25
RETRY_INTERVAL_S = 1.0
REPLAY_INTERVAL_S = 10.0

Insert = Callable[[list[bytes]], None]


class Segment:
    """One file of the journal. Offsets are in bytes; `open` counts begins without their end."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self.written = self.reserved = self.drained = self.open = 0
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _allocate(self.fd, size)
        except OSError:
            self.remove()
            raise

    def has_room(self, size: int) -> bool:
        return self.written + self.reserved + size <= self.size

    def append(self, line: bytes) -> None:
        os.pwrite(self.fd, line, self.written)
        self.written += len(line)  # after the write: the drain reads up to here

    def remove(self) -> None:
        os.close(self.fd)
        self.path.unlink()


def _allocate(fd: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
    else:  # macOS: writing the zeros is the portable way to be sure of the room
        os.pwrite(fd, bytes(size), 0)


class Entry(msgspec.Struct, frozen=True):
    """A begin line that waits for its end."""

    segment: Segment
    reserved: int


class Journal:
    """This process's journal. `begin` and `end` belong to one thread, the event loop's.

    Args:
        root: Where every process has its folder.
        insert: Puts lines (without their first byte) into the database, all or none.
        max_bytes: Beyond this much undrained journal, new work is refused.
        fsync: Wait for the disk at each line; extends the promise to power loss.
        on_rows: Called, in the thread, when rows have got into the database.
    """

    def __init__(
        self,
        root: Path,
        insert: Insert,
        *,
        max_bytes: int = 1 << 30,
        fsync: bool = False,
        on_rows: Callable[[], None] = lambda: None,
    ) -> None:
        self._insert, self._max_bytes, self._fsync = insert, max_bytes, fsync
        self._on_rows = on_rows
        self._root = root
        self._folder, self._lock = _own_folder(root)
        self._count = 0
        self._segments = [self._new_segment(SEGMENT_BYTES)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self.failing = False  # the last insertion failed
        self.drained_until = 0.0  # monotonic: what ended before this is in the database

    # --- The event loop's side ---------------------------------------------------------------

    def begin(self, line: bytes, end_bytes: int) -> Entry:
        """Append a begin line and reserve `end_bytes` for its end.

        Raises:
            StorageUnavailable: The disk is full, or too much waits for the database.
        """
        try:
            segment = self._with_room(len(line) + 2 + end_bytes)
            self._append(segment, b"B", line)
        except OSError as error:
            raise StorageUnavailable(
                f"the journal cannot be written: {error.strerror}", retry_after_s=5
            ) from None
        segment.reserved += end_bytes
        segment.open += 1
        return Entry(segment, end_bytes)

    def end(self, entry: Entry | None, line: bytes) -> None:
        """Append an end line, at most as long as was reserved; without a begin: if there is room.

        Raises:
            StorageUnavailable: There was no begin, and there is no room.
        """
        if entry is None:
            try:
                self._append(self._with_room(len(line) + 2), b"E", line)
            except OSError as error:
                raise StorageUnavailable(
                    f"the journal cannot be written: {error.strerror}", retry_after_s=5
                ) from None
            return
        segment = entry.segment
        self._append(segment, b"E", line)
        segment.reserved -= entry.reserved
        segment.open -= 1

    def _append(self, segment: Segment, kind: bytes, line: bytes) -> None:
        segment.append(kind + line + b"\n")
        if self._fsync:
            os.fdatasync(segment.fd)

    def _with_room(self, size: int) -> Segment:
        segment = self._segments[-1]
        if segment.has_room(size):
            return segment
        if self.backlog_bytes > self._max_bytes:
            raise StorageUnavailable(
                "the journal is full: the database takes no rows", retry_after_s=5
            )
        segment = self._new_segment(max(SEGMENT_BYTES, 2 * size))
        self._segments.append(segment)
        return segment

    def _new_segment(self, size: int) -> Segment:
        self._count += 1
        return Segment(self._folder / f"{self._count:08}.log", size)

    @property
    def backlog_bytes(self) -> int:
        """What is written and not in the database yet."""
        return sum(segment.written - segment.drained for segment in self._segments)

    # --- The thread's side -------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def close(self, timeout_s: float = 5.0) -> None:
        """Drain what is there and stop. What cannot be drained in time waits for a replay."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        deadline = monotonic() + timeout_s
        while self.backlog_bytes and monotonic() < deadline and self._drain():
            pass
        left = self.backlog_bytes or any(segment.open for segment in self._segments)
        for segment in self._segments:
            os.close(segment.fd)
        if left:
            log.warning("the journal keeps %d bytes for the next start", self.backlog_bytes)
        else:
            shutil.rmtree(self._folder)
        os.close(self._lock)
        connection.close()

    def _run(self) -> None:
        next_replay = 0.0
        wait_s = 0.0
        while not self._stop.wait(wait_s):
            if monotonic() >= next_replay:
                next_replay = monotonic() + REPLAY_INTERVAL_S
                self._guarded(partial(replay, self._root, self._insert))
            wait_s = DRAIN_INTERVAL_S if self._drain() else RETRY_INTERVAL_S
        connection.close()

    def _drain(self) -> bool:
        """Insert all that was written when this began; False where the database refuses."""
        began = monotonic()
        for segment in list(self._segments):
            while segment.drained < segment.written:
                if not self._guarded(partial(self._drain_batch, segment)):
                    return False
            if segment is not self._segments[-1] and not segment.open:
                segment.remove()
                self._segments.remove(segment)
        self.drained_until = began
        return True

    def _drain_batch(self, segment: Segment) -> None:
        size = min(segment.written - segment.drained, BATCH_BYTES)
        batch = os.pread(segment.fd, size, segment.drained)
        whole = batch.rfind(b"\n") + 1
        if not whole:  # one line longer than a batch
            batch = os.pread(segment.fd, segment.written - segment.drained, segment.drained)
            whole = batch.index(b"\n") + 1
        ends = [line[1:] for line in batch[:whole].split(b"\n") if line[:1] == b"E"]
        _insert_all(ends, self._insert)
        segment.drained += whole
        if ends:
            self._on_rows()

    def _guarded(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except DatabaseError as error:
            if not self.failing:
                log.warning("the request log cannot be written: %s", type(error).__name__)
            self.failing = True
            connection.close()
            return False
        if self.failing:
            log.info("the request log can be written again")
        self.failing = False
        return True


def _own_folder(root: Path) -> tuple[Path, int]:
    """Make a folder whose lock is held from the moment at which others can see it."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = uuid.uuid4().hex
    draft = root / f".{name}"
    draft.mkdir(mode=0o700)
    lock = os.open(draft / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return draft.rename(root / name), lock


# SQLite's driver has words of Python's own for a number that no column holds.
_UNTAKEABLE = (IntegrityError, DataError, msgspec.MsgspecError, OverflowError, ValueError)


def _insert_all(lines: list[bytes], insert: Insert) -> None:
    """Insert lines; one that the database will never take is logged and left out."""
    if not lines:
        return
    try:
        insert(lines)
    except _UNTAKEABLE as error:
        if len(lines) == 1:
            log.error("a request cannot be logged (%s): %r", type(error).__name__, lines[0][:200])
            return
        middle = len(lines) // 2
        _insert_all(lines[:middle], insert)
        _insert_all(lines[middle:], insert)


def replay(root: Path, insert: Insert) -> None:
    """Insert what processes that are dead left behind, then remove it.

    Raises:
        DatabaseError: The rest stays, for a later replay.
    """
    for folder in root.iterdir():
        if folder.name.startswith("."):
            continue
        try:
            lock = os.open(folder / "lock", os.O_RDWR)
        except FileNotFoundError:
            continue  # somebody else has just finished with it
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _replay_folder(folder, insert)
        except BlockingIOError:
            pass  # its process lives
        finally:
            os.close(lock)


def _replay_folder(folder: Path, insert: Insert) -> None:
    for path in sorted(folder.glob("*.log")):
        rows = _rows(path.read_bytes())
        while rows:
            _insert_all(rows[:1000], insert)
            del rows[:1000]
        path.unlink()
    shutil.rmtree(folder)


def _rows(content: bytes) -> list[bytes]:
    """The end lines of a segment, and the begin lines that have no end."""
    whole = content[: content.rfind(b"\n") + 1]  # what a kill cut short was promised to nobody
    lines = [line for line in whole.split(b"\n") if line]
    ends = [line[1:] for line in lines if line[:1] == b"E"]
    ended = {_id(line) for line in ends}
    begun = [line[1:] for line in lines if line[:1] == b"B"]
    return ends + [line for line in begun if _id(line) not in ended]


def _id(line: bytes) -> bytes:
    """The first member of a record's array, `["req_…",` with its quotes."""
    return line[1 : line.index(b",")]
