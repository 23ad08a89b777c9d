"""What is left out of prompts and answers before they are kept."""

import json
from collections.abc import Iterable
from time import monotonic
from typing import Any

import regex
from msgspec import Struct

REDACTED = "[redacted]"
# A pattern may be one that takes for ever, and everything else waits meanwhile: so long for all of
# them on one text.
PATIENCE_S = 0.05
TOO_SLOW = "[not kept: a redaction pattern takes too long for it]"

_DECODER = json.JSONDecoder()


class Redaction(Struct, frozen=True):
    """The operator's rules, compiled. `fields` finds a name and its colon."""

    fields: Any = None
    patterns: tuple[Any, ...] = ()

    def apply(self, text: str) -> str:
        if self.fields is not None:
            text = self._without_fields(text)
        until = monotonic() + PATIENCE_S
        try:
            for pattern in self.patterns:
                text = pattern.sub(REDACTED, text, timeout=max(until - monotonic(), 0))
        except TimeoutError:
            return TOO_SLOW
        return text

    def _without_fields(self, text: str) -> str:
        """The text may be JSON, a stream of it, or the beginning of either."""
        pieces, at = [], 0
        while found := self.fields.search(text, at):
            pieces.append(f'{text[at : found.end()]}"{REDACTED}"')
            try:
                _, at = _DECODER.raw_decode(text, found.end())
            except (ValueError, RecursionError):  # where it ends, nobody knows
                at = len(text)
        return "".join((*pieces, text[at:]))


def redaction_of(fields: Iterable[str], patterns: Iterable[str]) -> Redaction:
    """Patterns must be regular expressions; the settings take no others."""
    names = "|".join(map(regex.escape, fields))
    return Redaction(
        fields=regex.compile(rf'"(?:{names})"\s*:\s*', regex.IGNORECASE) if names else None,
        patterns=tuple(map(regex.compile, patterns)),
    )
