"""Request ids: `req_` and a ULID, so that sorting by id is sorting by time."""

import random
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]


def new_id(time_s: float) -> str:
    """An id made at `time_s` (Unix seconds): 48 bits of milliseconds, 80 random ones.

    They need to differ, not to be a secret, also those of processes that were forked: `random`
    seeds itself anew in each.
    """
    bits, pairs = random.getrandbits, _PAIRS
    return (
        f"{_prefix(int(time_s * 1000))}"
        f"{pairs[bits(10)]}{pairs[bits(10)]}{pairs[bits(10)]}{pairs[bits(10)]}"
        f"{pairs[bits(10)]}{pairs[bits(10)]}{pairs[bits(10)]}{pairs[bits(10)]}"
    )


def first_id(time_s: float) -> str:
    """The least id that could be made at `time_s`: ids below it are older."""
    return _prefix(int(time_s * 1000)) + "0" * 16


@lru_cache(maxsize=1)
def _prefix(milliseconds: int) -> str:
    return "req_" + "".join([_PAIRS[(milliseconds >> n) & 1023] for n in range(40, -1, -10)])
