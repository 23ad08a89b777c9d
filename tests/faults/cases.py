"""The cases, so that what the gateway remembers of one touches no other."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.e2e.gateway import KEY
from tests.faults.faults import FAULTS, Fault
from tests.matrix.scenarios import JSONDict

CLIENTS = ("openai_chat", "anthropic_messages", "openai_responses", "gemini")
# Every client against these, and against its own format where that is another one.
UPSTREAMS = ("openai_chat", "anthropic_messages")
WELL = "well"
WELL_KEY = "sk-up-well"


@dataclass(frozen=True)
class Case:
    """`alone`: no other target could answer."""

    fault: Fault
    client: str
    upstream: str
    streams: bool
    alone: bool

    @property
    def id(self) -> str:
        """The model's name, as the upstream gets it."""
        mode, place = "stream" if self.streams else "whole", "alone" if self.alone else "first"
        return f"{self.fault.id}.{self.client}.{self.upstream}.{mode}.{place}"

    @property
    def account(self) -> str:
        """A 429 is remembered of the account, other faults of the account's model."""
        return self.id if self.fault.hint else f"{self.fault.id}.{self.upstream}"

    @property
    def key(self) -> str:
        """The account's credential: by it the upstream knows how to misbehave."""
        return f"sk-up-{self.account}"

    @property
    def faulty(self) -> str:
        return f"{self.upstream}/{self.id}"

    @property
    def model(self) -> str:
        """What the client asks for."""
        return self.faulty if self.alone else f"combo.{self.id}"


def cases_of(fault: Fault, client: str) -> list[Case]:
    return [
        Case(fault, client, upstream, streams, alone)
        for upstream in fault.upstreams or dict.fromkeys((*UPSTREAMS, client))
        for streams in (False, True)
        for alone in (False, True)
    ]


CASES = [case for fault in FAULTS for client in CLIENTS for case in cases_of(fault, client)]
FAULT_OF = {case.key: case.fault for case in CASES}


def configuration(url: str, places: Mapping[str, str]) -> JSONDict:
    """`url`: where the upstream is; `places`: and where that of a fault is, if elsewhere."""
    formats = sorted({case.upstream for case in CASES})
    accounts: dict[str, list[Case]] = {}
    for case in CASES:
        accounts.setdefault(case.account, []).append(case)
    return {
        "providers": [
            *(_provider(name, name, f"{url}/{name}") for name in formats),
            _provider(WELL, "openai_chat", f"{url}/openai_chat"),
        ],
        "connections": [
            *(_connection(cases, places) for cases in accounts.values()),
            {"name": WELL, "provider": _id(WELL), "auth": _auth(WELL_KEY)},
        ],
        "combos": [
            {"name": case.model, "targets": [{"model": case.faulty}, {"model": f"{WELL}/m"}]}
            for case in CASES
            if not case.alone
        ],
        "api_keys": [{"name": "faults", "key": KEY}],
    }


def _provider(alias: str, format: str, url: str) -> JSONDict:
    return {
        "id": _id(alias), "alias": alias, "format": format, "base_url": url,
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
