"""Request ids: `req_` and a ULID, so that sorting by id is sorting by time."""

import os

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_SHIFTS = range(120, -1, -10)


def new_id(time_s: float) -> str:
    """An id made at `time_s` (Unix seconds): 48 bits of milliseconds, 80 random ones."""
    return _encode((int(time_s * 1000) << 80) | int.from_bytes(os.urandom(10), "big"))


def first_id(time_s: float) -> str:
    """The least id that could be made at `time_s`: ids below it are older."""
    return _encode(int(time_s * 1000) << 80)


def _encode(value: int) -> str:
    return "req_" + "".join([_PAIRS[(value >> shift) & 1023] for shift in _SHIFTS])
