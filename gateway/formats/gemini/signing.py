"""Thought signatures: whose they are, in a field that holds base64.

Google signs the part that follows a thought: a call, a text, an image. Its SDKs read the field
as base64, so another provider's signature goes through a Gemini client in base64 too.

Source: https://ai.google.dev/gemini-api/docs/thought-signatures (read 2026-11)
"""

import base64
import binascii

from gateway.formats import signatures
from gateway.formats.types import RedactedThinking, Thinking

NAME = "gemini"
# What Google documents for a call that no Gemini model made: with a made-up signature or none,
# Gemini 3 refuses a call of the present turn. Earlier models take it too.
SKIP = "skip_thought_signature_validator"
# "omniroute", the beginning of what `signatures.wrap` marks, in base64: 9 bytes are 12 characters.
_MARK = base64.b64encode(b"omniroute").decode()
_REDACTED = "redacted/"
_UNKNOWN = "unknown"


def is_foreign(signature: object) -> bool:
    """Is it one of ours, for another provider's?"""
    return isinstance(signature, str) and signature.startswith(_MARK)


def read(signature: object) -> tuple[str, str | None] | None:
    """A `thoughtSignature` and the format whose it is; null for none, and for SKIP."""
    if not isinstance(signature, str) or not signature or signature == SKIP:
        return None
    if not signature.startswith(_MARK):
        return signature, NAME
    # SDKs write the URL-safe alphabet, and some leave the padding out.
    plain = signature.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        told = base64.b64decode(plain + "=" * (-len(plain) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return signature, NAME
    text, signed_by = signatures.unwrap(told, NAME)
    return text, None if signed_by == _UNKNOWN else signed_by


def write(signature: str, signed_by: str | None) -> str:
    """Always base64, unless it is Google's own."""
    if signed_by == NAME or (signed_by is None and _is_base64(signature)):
        return signature
    told = signatures.wrap(signature, signed_by or _UNKNOWN, NAME)
    return base64.b64encode(told.encode(errors="replace")).decode()


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text.encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return False
    return not text.startswith(_MARK)


def write_redacted(part: RedactedThinking) -> str:
    return write(part.data, _REDACTED + (part.signed_by or _UNKNOWN))


def thought(text: str, signature: str, signed_by: str | None) -> Thinking | RedactedThinking:
    """What a foreign signature on a thought makes of it."""
    if signed_by is None or not signed_by.startswith(_REDACTED):
        return Thinking(text=text, signature=signature, signed_by=signed_by)
    name = signed_by.removeprefix(_REDACTED)
    return RedactedThinking(data=signature, signed_by=None if name == _UNKNOWN else name)


def is_googles(part: Thinking | RedactedThinking) -> bool:
    """Is it a signature that a Gemini upstream takes back?"""
    return (
        isinstance(part, Thinking) and part.signature is not None and part.signed_by in (None, NAME)
    )
