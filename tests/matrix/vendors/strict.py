"""How a vendor refuses: what its documentation does not allow is a problem of the cell."""

from collections.abc import Iterable
from typing import Any

from tests.matrix.scenarios import JSONDict


class Refused(Exception):
    """The request is none of this format; the message says why."""


def only(value: Any, *names: str) -> JSONDict:
    """The object, which has no other fields than these."""
    if not isinstance(value, dict):
        raise Refused(f"no object: {value!r:.80}")
    unknown = value.keys() - set(names)
    if unknown:
        raise Refused(f"unknown fields {sorted(unknown)}")
    return value


def check(holds: object, why: str) -> None:
    if not holds:
        raise Refused(why)


def inline(url: str) -> str:
    """The base64 of a data URL of a PNG."""
    head, _, data = url.partition(",")
    check(head == "data:image/png;base64", f"not an inline PNG: {url[:60]}")
    return data


def alternate(roles: Iterable[str]) -> None:
    last = ""
    for role in roles:
        check(role != last, f"two messages of the role {role} in a row")
        last = role
