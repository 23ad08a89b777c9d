"""What the clients met, against what the provider did and what the log says."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bench.client import Reply
from bench.gateway import Row
from bench.upstream import TEXT

# `answered`: all of it. `broken`: a stream that says so in its last event. `spent`: no budget left.
# `cut`: the connection broke. `wrong`: a 200 that is none of these. `refused`: anything else.
End = Literal["answered", "broken", "spent", "cut", "wrong", "refused"]
LEAST_SHARE = 0.998
# When Redis has lost everything, what was settled while the log was read may be counted twice in it
# (never in the log), so that nothing is counted not at all; as a share of a run's calls.
MOST_TWICE = 0.02
PICO = 10**12


def end(reply: Reply) -> End:
    """How a call ended, as its client sees it."""
    if not reply.whole:
        return "cut"
    if reply.status == 402:
        return "spent"
    if reply.status != 200:
        return "refused"
    try:
        return _of_stream(reply) if reply.stream else _of_answer(reply)
    except (ValueError, LookupError, TypeError):
        return "wrong"


def _of_answer(reply: Reply) -> End:
    said = json.loads(reply.body)
    if reply.format == "anthropic":
        text = said["content"][0]["text"]
    else:
        text = said["choices"][0]["message"]["content"]
    return "answered" if text == TEXT else "wrong"


def _of_stream(reply: Reply) -> End:
    lines = reply.body.decode().splitlines()
    data = [line[6:] for line in lines if line.startswith("data: ")]
    is_done = data[-1:] == ["[DONE]"]
    events = [json.loads(each) for each in (data[:-1] if is_done else data)]
    if any("error" in event for event in events):
        return "broken" if _ends_with_error(reply.format, events, is_done) else "wrong"
    if reply.format == "anthropic":
        is_done = events[-1]["type"] == "message_stop"
    text = "".join(_text(reply.format, event) for event in events)
    return "answered" if is_done and text == TEXT else "wrong"


def _ends_with_error(format: str, events: Sequence[dict[str, object]], is_done: bool) -> bool:
    """One error, the last word, in the client's format."""
    last = events[-1]
    right = last.get("type") == "error" if format == "anthropic" else not is_done
    return right and "error" in last and sum("error" in event for event in events) == 1


def _text(format: str, event: dict[str, object]) -> str:
    match event:
        case {"type": "content_block_delta", "delta": {"text": str(text)}}:
            return text
        case {"choices": [{"delta": {"content": str(text)}}]} if format == "openai":
            return text
    return ""


@dataclass(frozen=True)
class Met:
    """All that is known at the end.

    Args:
        lost: Of `replies`, those whose connection the killed process had.
        seen: What the provider did, by its own words for it.
        budgets: In USD, by key.
        price: Of an answer, in 10⁻¹² USD.
        spent: In 10⁻¹² USD, by key, as the state store counts it.
    """

    replies: Sequence[Reply]
    lost: Sequence[Reply]
    rows: Sequence[Row]
    seen: Mapping[str, int]
    budgets: Mapping[str, float]
    price: int
    spent: Mapping[str, int] = field(default_factory=dict)

    @property
    def kept(self) -> list[Reply]:
        """Those that no killed process had."""
        lost = set(map(id, self.lost))
        return [reply for reply in self.replies if id(reply) not in lost]

    @property
    def ends(self) -> Counter[End]:
        return Counter(map(end, self.kept))

    @property
    def share(self) -> float:
        """Of the calls that could have been answered, those that were."""
        ends = self.ends
        possible = ends.total() - ends["spent"] - ends["broken"]
        return ends["answered"] / max(possible, 1)

    def logged(self, key: str) -> int:
        """What the log says that a key has spent, in 10⁻¹² USD."""
        return sum(row.cost or 0 for row in self.rows if row.key == key)


def faults(met: Met) -> list[str]:
    """What is not as it should be."""
    return [*_of_calls(met), *_of_log(met), *_of_money(met)]


def _of_calls(met: Met) -> Iterable[str]:
    ends = met.ends
    if met.share < LEAST_SHARE:
        yield f"only {met.share:.2%} of the calls were answered: {_examples(met, 'refused', 'cut')}"
    if ends["wrong"]:
        yield f"{ends['wrong']} answers are neither whole nor say that they broke"
    broke = sum(count for what, count in met.seen.items() if what.startswith("after"))
    if not ends["broken"] <= broke <= ends["broken"] + len(met.lost):
        yield f"the provider broke {broke} streams, the clients were told of {ends['broken']}"


def _examples(met: Met, *ends: End) -> str:
    words = Counter(
        f"{reply.status} {reply.error or reply.body[:160].decode(errors='replace')}"
        for reply in met.kept
        if end(reply) in ends
    )
    return "; ".join(f"{count} times {text}" for text, count in words.most_common(3))


OUTCOMES: dict[End, str] = {
    "answered": "ok", "broken": "truncated", "spent": "error", "refused": "error",
}  # fmt: skip


def _of_log(met: Met) -> Iterable[str]:
    rows = {row.id: row for row in met.rows}
    wrong = Counter(
        f"{how} but {rows[reply.id].outcome if reply.id in rows else 'not in the log'}"
        for reply in met.kept
        if reply.id and (how := end(reply)) in OUTCOMES
        if reply.id not in rows or rows[reply.id].outcome != OUTCOMES[how]
    )
    for words, count in wrong.items():
        yield f"{count} calls: {words}"
    strange = len(rows.keys() - {reply.id for reply in met.replies})
    unnamed = sum(not reply.id for reply in met.replies)
    if strange > unnamed:
        yield f"{strange} rows of calls that nobody knows, and {unnamed} calls without a name"


def _of_money(met: Met) -> Iterable[str]:
    wrong = Counter(row.cost for row in met.rows if row.outcome == "ok" and row.cost != met.price)
    for cost, count in wrong.items():
        yield f"{count} answers cost {cost} and not {met.price}"
    for key, usd in met.budgets.items():
        if (spent := met.logged(key)) > usd * PICO:
            yield f"the key {key} has spent {spent / PICO:.6f} USD of {usd:g}"
        counted, rows = met.spent.get(key, spent), sum(row.key == key for row in met.rows)
        if not spent <= counted <= spent + MOST_TWICE * rows * met.price:
            yield f"{key}: the log says {spent / PICO:.6f} USD, Redis {counted / PICO:.6f}"
