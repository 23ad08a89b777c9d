"""What the benchmark makes of wrk's report and of the log: its figures are published."""

from dataclasses import dataclass, replace

import pytest

from bench import conversation, strategies
from bench.load import Answers, read
from bench.measure import Ledger
from gateway import formats

REPORT = """\
Running 3s test @ http://127.0.0.1:9001/v1/chat/completions
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    13.62ms   24.99ms 299.71ms   93.45%
    Req/Sec     3.95k   836.31     5.10k    70.00%
  Latency Distribution
     50%  500.00us
     75%    9.26ms
     90%   26.35ms
     99%    1.31s
  11834 requests in 3.01s, 7.91MB read
Requests/sec:   3931.63
Transfer/sec:      2.63MB
"""


@dataclass(frozen=True)
class Case:
    id: str
    line: str
    failed: int


@pytest.mark.parametrize(
    "case",
    [
        Case("nothing failed", "", 0),
        Case("refusals failed", "  Non-2xx or 3xx responses: 17", 17),
        Case("broken off is failed", "  Socket errors: connect 1, read 2, write 3, timeout 4", 10),
    ],
    ids=lambda case: case.id,
)
def test_a_report_of_wrk_is_read(case: Case) -> None:
    assert read(REPORT + case.line) == Answers(11834, case.failed, 3931.63, 0.5, 1310.0)


def test_no_report_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="unable to connect"):
        read("unable to connect to 127.0.0.1:1 Connection refused")


AGREES = Ledger(answered=100, upstream_calls=105, rows={"ok": 102, "aborted": 4})


def test_a_log_that_agrees_with_the_load_has_no_fault() -> None:
    assert AGREES.faults() == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (replace(AGREES, answered=103), "103 answers but 102 rows"),
        (replace(AGREES, upstream_calls=101), "102 rows of answers, 101 calls"),
        (replace(AGREES, upstream_calls=107), "107 calls to the provider, 106 rows"),
        (replace(AGREES, rows={"ok": 104, "error": 2}), "outcomes"),
    ],
    ids=["a lost row", "a row without a call", "a call without a row", "a failed call"],
)
def test_a_log_that_disagrees_is_a_fault(wrong: Ledger, words: str) -> None:
    (fault,) = wrong.faults()
    assert words in fault


def test_a_long_conversation_is_as_long_as_it_is_said_to_be() -> None:
    sent = conversation.bodies()
    assert set(sent) == {name for name in formats.CLIENTS if name in formats.FORMATS}
    for body in sent.values():
        assert 900_000 < len(body) < 1_300_000


def test_translating_it_loses_no_message() -> None:
    body = conversation.bodies()["openai_chat"]
    sent = conversation.translate(
        body, formats.for_client("openai_chat"), formats.by_name("anthropic_messages")
    )
    assert sent.count(b'"tool_result"') == sent.count(b'"tool_use"') == conversation.MESSAGES // 4


def test_every_strategy_has_its_figures_alone_and_within_tiers() -> None:
    lines = strategies.table(strategies.measure(times=1)).splitlines()
    for name in ("random", "priority-tiers", "priority-tiers, random"):
        (line,) = [line for line in lines if line.startswith(f"| {name} |")]
        assert all(float(figure) > 0 for figure in line.strip("| ").split(" | ")[1:])
