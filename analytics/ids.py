"""Request ids: `req_` and a ULID, so that sorting by id is sorting by time."""

import random
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_BY_BYTE = (_ALPHABET * 8).encode()  # a digit for each byte, each digit as often


def new_id(time_s: float) -> str:
    """An id made at `time_s` (Unix seconds): 48 bits of milliseconds, 80 random ones.

    They need to differ, not to be a secret, also those of processes that were forked: `random`
    seeds itself anew in each.
    """
    digits = random.randbytes(16).translate(_BY_BYTE)  # noqa: S311  # no secret
    return _prefix(int(time_s * 1000)) + digits.decode()


def first_id(time_s: float) -> str:
    """The least id that could be made at `time_s`: ids below it are older."""
    return _prefix(int(time_s * 1000)) + "0" * 16


@lru_cache(maxsize=1)
def _prefix(milliseconds: int) -> str:
    return "req_" + "".join([_ALPHABET[(milliseconds >> n) & 31] for n in range(45, -1, -5)])
