"""The journal keeps its promises: nothing answered is lost, nothing is inserted twice."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import DatabaseError, DataError

from analytics import records
from gateway import journal as module
from gateway.errors import StorageUnavailable
from gateway.journal import Journal, replay


class Table:
    """Stands in for the database: unique ids, and faults on demand."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.refuses: DatabaseError | None = None
        self.poison = ""
        self.chokes: Exception = DataError("value too long")
        self.calls = 0

    def insert(self, lines: list[bytes]) -> None:
        self.calls += 1
        if self.refuses:
            raise self.refuses
        decoded = [records.decode(line) for line in lines]
        if any(record.id == self.poison for record in decoded):
            raise self.chokes
        for record in decoded:
            self.rows.setdefault(record.id, record.outcome)


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def journal(tmp_path: Path, table: Table) -> Journal:
    return Journal(tmp_path, table.insert)


def line(id: str, outcome: records.Outcome = "ok", error: str = "") -> bytes:
    return records.encode(
        records.Record(
            id=id,
            time="2026-01-01 00:00:00.000000",
            client_format="openai_chat",
            path="/v1/chat/completions",
            outcome=outcome,
            error=error,
        )
    )


def fill(journal: Journal) -> None:
    for number in range(100):
        journal.begin(line(f"req_{number}", "interrupted"), 1 << 20)


def die(journal: Journal) -> None:
    """What the kernel does at kill -9: the lock goes, the files stay."""
    for segment in journal._segments:
        os.close(segment.fd)
    os.close(journal._lock)


def test_an_ended_call_is_one_row(journal: Journal, table: Table) -> None:
    entry = journal.begin(line("req_1", "interrupted"), 1000)
    journal.end(entry, line("req_1"))
    journal.close()
    assert table.rows == {"req_1": "ok"}


def test_a_closed_journal_leaves_no_file(journal: Journal, tmp_path: Path) -> None:
    journal.end(journal.begin(line("req_1", "interrupted"), 1000), line("req_1"))
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_needs_no_begin(journal: Journal, table: Table) -> None:
    journal.end(None, line("req_1", "error"))
    journal.close()
    assert table.rows == {"req_1": "error"}


def test_after_a_kill_ended_calls_are_there_and_begun_ones_are_interrupted(
    journal: Journal, table: Table, tmp_path: Path
) -> None:
    journal.end(journal.begin(line("req_1", "interrupted"), 1000), line("req_1"))
    journal.begin(line("req_2", "interrupted"), 1000)
    die(journal)
    replay(tmp_path, table.insert)
    assert table.rows == {"req_1": "ok", "req_2": "interrupted"}
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_the_kill_cut_short_is_left_out(
    journal: Journal, table: Table, tmp_path: Path
) -> None:
    entry = journal.begin(line("req_1", "interrupted"), 1000)
    entry.segment.append(b"E" + line("req_1")[:20])
    die(journal)
    replay(tmp_path, table.insert)
    assert table.rows == {"req_1": "interrupted"}


def test_a_replay_after_a_drain_inserts_nothing_twice(
    journal: Journal, table: Table, tmp_path: Path
) -> None:
    journal.end(journal.begin(line("req_1", "interrupted"), 1000), line("req_1"))
    journal._drain()
    die(journal)
    replay(tmp_path, table.insert)
    assert table.rows == {"req_1": "ok"}


def test_the_journal_of_a_living_process_is_left_alone(
    journal: Journal, table: Table, tmp_path: Path
) -> None:
    journal.begin(line("req_1", "interrupted"), 1000)
    replay(tmp_path, table.insert)
    assert table.rows == {}


def test_a_folder_is_locked_from_the_moment_it_can_be_seen(
    tmp_path: Path, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def checked(self: Path, target: Path) -> Path:
        with open(self / "lock") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", checked)
    Journal(tmp_path, table.insert)


def test_an_absent_database_only_makes_the_journal_longer(journal: Journal, table: Table) -> None:
    table.refuses = DatabaseError("locked")
    journal.end(journal.begin(line("req_1", "interrupted"), 1000), line("req_1"))
    assert not journal._drain()
    assert journal.failing
    assert journal.backlog_bytes > 0
    table.refuses = None
    assert journal._drain()
    assert not journal.failing
    assert journal.backlog_bytes == 0
    assert table.rows == {"req_1": "ok"}


def test_what_cannot_be_drained_at_the_end_waits_for_the_next_start(
    journal: Journal, table: Table, tmp_path: Path
) -> None:
    table.refuses = DatabaseError("gone")
    journal.end(journal.begin(line("req_1", "interrupted"), 1000), line("req_1"))
    journal.close(timeout_s=0.01)
    table.refuses = None
    replay(tmp_path, table.insert)
    assert table.rows == {"req_1": "ok"}


@pytest.mark.parametrize(
    "chokes",
    [DataError("too long"), OverflowError("int too large for SQLite"), UnicodeError("a surrogate")],
)
def test_a_row_that_the_database_never_takes_stops_no_other(
    journal: Journal, table: Table, chokes: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    table.poison, table.chokes = "req_5", chokes
    for number in range(10):
        journal.end(None, line(f"req_{number}"))
    journal.close()
    assert sorted(table.rows) == [f"req_{n}" for n in range(10) if n != 5]
    assert "req_5" in caplog.text


def test_a_full_disk_refuses_new_work(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_allocate", full)
    with pytest.raises(StorageUnavailable, match="No space left"):
        fill(journal)


def test_a_call_that_has_begun_can_end_on_a_full_disk(
    journal: Journal, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [journal.begin(line(f"req_{n}", "interrupted"), 1 << 20) for n in range(3)]

    def full(fd: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_allocate", full)
    for number, entry in enumerate(entries):
        journal.end(entry, line(f"req_{number}", error="x" * 500))
    journal.close()
    assert table.rows == {"req_0": "ok", "req_1": "ok", "req_2": "ok"}


def test_too_long_a_journal_refuses_new_work(tmp_path: Path, table: Table) -> None:
    table.refuses = DatabaseError("locked")
    journal = Journal(tmp_path, table.insert, max_bytes=1)
    with pytest.raises(StorageUnavailable, match="the database takes no rows"):
        fill(journal)


def test_a_drained_segment_goes_once_its_calls_have_ended(
    journal: Journal, table: Table, tmp_path: Path
) -> None:
    def segments() -> int:
        return len(list(tmp_path.glob("*/*.log")))

    first = journal.begin(line("req_1", "interrupted"), 5 << 20)
    second = journal.begin(line("req_2", "interrupted"), 5 << 20)
    assert first.segment is not second.segment
    journal._drain()
    assert segments() == 2
    journal.end(first, line("req_1"))
    journal._drain()
    assert segments() == 1
    assert table.rows == {"req_1": "ok"}


def test_a_line_longer_than_a_batch_is_inserted(
    journal: Journal, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 64)
    journal.end(None, line("req_1", error="x" * 5000))
    journal.close()
    assert table.rows == {"req_1": "ok"}


def test_every_line_waits_for_the_disk_where_asked(
    tmp_path: Path, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync: Callable[[int], None] = synced.append
    monkeypatch.setattr(os, "fdatasync", sync)
    journal = Journal(tmp_path, table.insert, fsync=True)
    journal.end(journal.begin(line("req_1", "interrupted"), 1000), line("req_1"))
    assert len(synced) == 2
