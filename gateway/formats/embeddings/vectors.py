"""Vectors as they go over the wire: lists of numbers, or base64 of 32-bit floats.

Source: https://platform.openai.com/docs/api-reference/embeddings/create (read 2026-11)
"""

import base64
import binascii
import sys
from array import array
from typing import Any

import msgspec

from gateway.errors import UpstreamFailed
from gateway.formats.embeddings.types import Embeddings, Vector
from gateway.formats.failures import reported
from gateway.formats.types import Usage


def read_vector(value: Any) -> Vector:
    """Raises `UpstreamFailed` for what is none."""
    if isinstance(value, str):
        return _from_base64(value)
    try:
        vector: Vector = msgspec.convert(value, list[float])
    except (msgspec.ValidationError, UnicodeEncodeError):  # half a surrogate pair is no text
        vector = []
    if not vector:
        raise no_vectors()
    return vector


def _from_base64(text: str) -> Vector:
    try:
        floats = array("f", base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise no_vectors() from None
    if not floats:
        raise no_vectors()
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tolist()


def to_base64(vector: Vector) -> str:
    """32-bit floats, the lowest byte first."""
    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode("ascii")


def no_vectors() -> UpstreamFailed:
    return UpstreamFailed("the upstream's answer has no vectors", upstream_status=200)


def read_list(rows: object, usage: Usage | None, error: object = None) -> Embeddings:
    """Of a list of vectors. Raises `UpstreamFailed` for an error in a 200 and for what is none."""
    if error:
        raise reported(error)
    if not isinstance(rows, list) or not rows:
        raise no_vectors()
    return Embeddings(vectors=tuple(map(read_vector, rows)), usage=usage)
