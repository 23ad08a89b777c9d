"""The cases, so that what the gateway remembers of one touches no other."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from tests.e2e.gateway import KEY, MANAGE_KEY
from tests.faults.faults import BY_ID, FAULTS, Fault, Outcome
from tests.matrix.scenarios import JSONDict

CLIENTS = ("openai_chat", "anthropic_messages", "openai_responses", "gemini")
# Every client against these, and against its own format where that is another one.
UPSTREAMS = ("openai_chat", "anthropic_messages")
# Who answers instead: another account of the same provider, or the next target of a combo, which is
# another provider.
NEXT_DOOR, WELL = "next-door", "well"
SAME = "openai_chat"  # the provider that has one next door
WELL_KEY = "sk-up-well"


@dataclass(frozen=True)
class Case:
    """`alone`: no other target could answer. `role`: of one that is called so often that it has an
    account of its own."""

    fault: Fault
    client: str
    upstream: str
    streams: bool
    alone: bool
    role: Literal["", "measured", "breaking"] = ""

    @property
    def id(self) -> str:
        """The model's name, as the upstream gets it."""
        mode, place = "stream" if self.streams else "whole", "alone" if self.alone else "first"
        words = (self.fault.id, self.client, self.upstream, mode, place)
        return ".".join((*words, self.role) if self.role else words)

    @property
    def account(self) -> str:
        """A 429 is remembered of the account, other faults of the account's model."""
        if self.fault.hint or self.role:
            return self.id
        return f"{self.fault.id}.{self.upstream}"

    @property
    def outcome(self) -> Outcome:
        return self.fault.outcome(self.streams)

    @property
    def is_asked_again(self) -> bool:
        return self.alone and self.outcome.is_asked_again

    @property
    def key(self) -> str:
        """The account's credential: by it the upstream knows how to misbehave."""
        return f"sk-up-{self.account}"

    @property
    def faulty(self) -> str:
        return f"to-{self.upstream}/{self.id}"

    @property
    def model(self) -> str:
        """What the client asks for."""
        return self.faulty if self.alone or self.upstream == SAME else f"combo.{self.id}"

    @property
    def candidates(self) -> list[str]:
        """The accounts that can be asked, in their order."""
        if self.alone:
            return [self.account]
        return [self.account, NEXT_DOOR if self.upstream == SAME else WELL]


def cases_of(fault: Fault, client: str) -> list[Case]:
    return [
        Case(fault, client, upstream, streams, alone)
        for upstream in fault.upstreams or dict.fromkeys((*UPSTREAMS, client))
        for streams in (False, True)
        for alone in (False, True)
    ]


CASES = [case for fault in FAULTS for client in CLIENTS for case in cases_of(fault, client)]


# What is kept of calls that fail is measured with these, by the fault.
MEASURED = {
    fault: [
        Case(BY_ID[fault], client, "openai_chat", streams, alone, "measured")
        for alone in (False, True)
        for client in clients
    ]
    for fault, streams, clients in (
        ("refuses", False, CLIENTS[:1]),
        ("error-midway", True, CLIENTS[:1]),
        ("huge", False, CLIENTS),
    )
}
# Streams that break until the breaker opens, by the fault; the endless one would take too long.
BREAKING = {
    fault.id: [Case(fault, client, "openai_chat", True, True, "breaking") for client in CLIENTS]
    for fault in FAULTS
    if fault.stream.ending == "breaks" and fault.id != "endless"
}
ALL = [*CASES, *chain(*MEASURED.values(), *BREAKING.values())]
FAULT_OF = {case.key: case.fault for case in ALL}
# Whose accounts the rules leave alone for a while.
MAY_COOL = {case.account for case in ALL if case.fault.hint or case.role == "breaking"}


def configuration(url: str, places: Mapping[str, str]) -> JSONDict:
    """`url`: where the upstream is; `places`: and where that of a fault is, if elsewhere."""
    formats = sorted({case.upstream for case in ALL})
    accounts: dict[str, list[Case]] = {}
    for case in ALL:
        accounts.setdefault(case.account, []).append(case)
    return {
        "providers": [
            *(_provider(name, name, f"{url}/{name}") for name in formats),
            _provider(WELL, "openai_chat", f"{url}/openai_chat"),
        ],
        "connections": [
            *(_connection(cases, places) for cases in accounts.values()),
            {"name": WELL, "provider": _id(WELL), "auth": _auth(WELL_KEY)},
            {
                "name": NEXT_DOOR,
                "provider": _id(SAME),
                "priority": 2,
                "auth": _auth(WELL_KEY),
                "models": [case.id for case in ALL if not case.alone and case.upstream == SAME],
            },
        ],
        "combos": [
            {"name": case.model, "targets": [{"model": case.faulty}, {"model": f"to-{WELL}/m"}]}
            for case in ALL
            if case.model != case.faulty
        ],
        "api_keys": [
            {"name": "faults", "key": KEY},
            {"name": "ops", "key": MANAGE_KEY, "scopes": ["manage"], "owner": "admin"},
        ],
    }


def _provider(alias: str, format: str, url: str) -> JSONDict:
    return {
        "id": _id(alias), "alias": f"to-{alias}", "format": format, "base_url": url,
        "allow_private_network": True,
    }  # fmt: skip


def _connection(cases: list[Case], places: Mapping[str, str]) -> JSONDict:
    case = cases[0]
    return {
        "name": case.account,
        "provider": _id(case.upstream),
        "auth": _auth(case.key),
        "models": [case.id for case in cases],
        "timeouts": case.fault.limits,
        "base_url": places.get(case.fault.id),
    }


def _id(alias: str) -> str:
    return f"faults-{alias.replace('_', '-')}"


def _auth(key: str) -> JSONDict:
    return {"type": "api_key", "api_key": key}
