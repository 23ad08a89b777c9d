"""What is wrong with an answer, with its row of the log, or with what the gateway makes of it."""

import json
from datetime import datetime
from itertools import pairwise
from typing import Any

from gateway.retries import PAUSE_S
from tests.faults.asked import TEXT
from tests.faults.calls import KINDS, Told
from tests.faults.cases import Case
from tests.faults.hints import is_told
from tests.faults.misbehaving import LONG
from tests.matrix.scenarios import JSONDict

# How late a busy machine may be; the limits that are not met are longer by far.
LATE_MS = 5000
# Moments are told in whole seconds.
ROUNDED_S = 2


class Judgement:
    """`wrong` says in words what is not as the table has it."""

    def __init__(self, case: Case) -> None:
        self.case, self.expected = case, case.outcome
        self.wrong: list[str] = []
        outcome, status, tried = _expected(case)
        self.outcome, self.status, self.tried = outcome, status, tried

    def same(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self.wrong.append(f"{what} is {found!r}, not {wanted!r}")

    def hear(self, told: Told) -> None:
        """What the client has."""
        case, heard = self.case, told.heard
        self.same("the status", told.status, self.status)
        self.same(
            "the count of attempts", told.headers.get("x-omniroute-attempts"), str(len(self.tried))
        )
        if case.key in told.raw.decode():
            self.wrong.append("the account's key is told")
        match self.outcome:
            case "ok":
                self.same("the text", heard.text, TEXT)
                self.same("a clean end", heard.ended, True)
                account = told.headers.get("x-omniroute-connection")
                self.same("the answer's account", account, self.tried[-1])
            case "truncated":
                self.same("a clean end", heard.ended, False)
                if not heard.error:
                    self.wrong.append("no error ends the stream")
                if not heard.text or not LONG.startswith(heard.text):
                    self.wrong.append(f"the text is {heard.text!r}")
            case "error":
                self.same("the error", told.kind, KINDS[case.client][self.status])
                if case.fault.hint and not is_told(case.fault.hint, told.come_back):
                    self.wrong.append(f"to come back is told as {told.come_back!r}")

    def read(self, row: dict[str, Any]) -> None:
        """The log's row."""
        case, attempts = self.case, json.loads(row["attempts"])
        self.same("the row's status", row["status"], self.status)
        self.same("the row's outcome", row["outcome"], self.outcome)
        self.same("that the row has an error", bool(row["error"]), self.outcome != "ok")
        self.same("who was tried", [each["connection"] for each in attempts], self.tried)
        trace = json.loads(row["trace"])
        order = [each["connection"] for each in trace["order"]]
        self.same("who could be tried", order, case.candidates)
        self.same("who was left out", trace["excluded"], [])
        if case.key in json.dumps(row):
            self.wrong.append("the account's key is in the log")
        if self.outcome == "ok":
            self.same("the last attempt's error", attempts[-1]["error"], None)
        for attempt in attempts[:-1] if self.outcome == "ok" else attempts:
            self._read_failed(attempt)
        for before, after in pairwise(attempts):
            self._read_pause(before, after)

    def _read_failed(self, attempt: JSONDict) -> None:
        said, limit_s = self.expected.said, self.case.fault.limit_s(self.case.streams)
        self.same("who failed", attempt["model"], self.case.faulty)
        if not any(words in (attempt["error"] or "") for words in said):
            self.wrong.append(f"the attempt's error is {attempt['error']!r}, not {said}")
        earliest_ms = 0 if limit_s is None else limit_s * 1000 - 1
        if not earliest_ms <= attempt["ms"] <= (limit_s or 0) * 1000 + LATE_MS:
            self.wrong.append(f"the attempt took {attempt['ms']} ms")

    def _read_pause(self, before: JSONDict, after: JSONDict) -> None:
        """The next target is asked at once; the same one not."""
        pause_ms = after.get("at_ms", 0) - before.get("at_ms", 0) - before["ms"]
        usual_ms = PAUSE_S * 1000 if before["connection"] == after["connection"] else 0
        if not 0.5 * usual_ms - 2 <= pause_ms <= 1.5 * usual_ms + LATE_MS:
            self.wrong.append(f"between the attempts are {pause_ms} ms")

    def look(self, cooling: dict[str, JSONDict]) -> None:
        """Who is left alone now: after a 429 its account, for as long as it said."""
        block, hint = cooling.get(self.case.account), self.case.fault.hint
        if hint is None or block is None:
            self.same("that it cools down", block is not None, hint is not None)
            return
        lasts = datetime.fromisoformat(block["until"]) - datetime.fromisoformat(block["since"])
        self.same("why it cools down", block["kind"], "rate_limit")
        self.same("what cools down", block["model"], self.case.faulty if hint.of_model else None)
        if abs(lasts.total_seconds() - hint.seconds) > ROUNDED_S:
            self.wrong.append(f"it cools down for {lasts}")


def judge(case: Case, told: Told, row: dict[str, Any], cooling: dict[str, JSONDict]) -> list[str]:
    judgement = Judgement(case)
    judgement.hear(told)
    judgement.read(row)
    judgement.look(cooling)
    return judgement.wrong


def _expected(case: Case) -> tuple[str, int, list[str]]:
    """The row's outcome, the client's status, and which accounts are tried."""
    expected, account = case.outcome, case.account
    if expected.ending == "works":
        return "ok", 200, [account]
    if expected.ending == "breaks":
        return "truncated", 200, [account]
    if not case.alone:
        return "ok", 200, case.candidates
    outcome = "ok" if expected.status == 200 else "error"
    return outcome, expected.status, [account, account] if case.is_asked_again else [account]
