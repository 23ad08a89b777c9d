"""Signatures of thoughts on their way through a client that speaks another format.

A client sends back what it was given, and the next turn may go to another provider: whose
signature it is travels along, so that it returns to those who signed and to nobody else.
"""

_MARK = "omniroute:"


def wrap(signature: str, signed_by: str | None, native: str) -> str:
    """The signature as a client of the format `native` gets it: marked where it is foreign."""
    return signature if signed_by in (None, native) else f"{_MARK}{signed_by}:{signature}"


def is_foreign(text: object) -> bool:
    """Did `wrap` mark it? Its provider never saw it, and would refuse the turn."""
    return isinstance(text, str) and text.startswith(_MARK)


def unwrap(text: str, native: str) -> tuple[str, str]:
    """What `wrap` made: the signature, and the format that it is of."""
    if not text.startswith(_MARK):
        return text, native
    signed_by, _, signature = text.removeprefix(_MARK).partition(":")
    return signature, signed_by
