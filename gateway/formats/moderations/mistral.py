"""Mistral's format: OpenAI's, with categories of its own.

Source: https://docs.mistral.ai/capabilities/guardrailing (read 2026-11)
"""

from gateway.formats.failures import decode_error
from gateway.formats.moderations.answers import read_judgements
from gateway.formats.moderations.types import Judgements, ModerationRequest
from gateway.formats.reading import dropped_names
from gateway.formats.types import Encoded, JSONDict, Quirks

__all__ = ["NAME", "address", "decode_error", "decode_response", "encode_request"]

NAME = "mistral_moderations"
# Those that mean the same; the others (health, financial, law, pii, …) keep their names.
_NAMES = {
    "selfharm": "self-harm",
    "hate_and_discrimination": "hate",
    "violence_and_threats": "violence",
    "dangerous_and_criminal_content": "illicit",
}
_PASSED = frozenset(["metadata"])


def address(model: str, stream: bool) -> str:
    return "/moderations"


def encode_request(request: ModerationRequest, model: str, quirks: Quirks) -> Encoded:
    body: JSONDict = {"model": model, "input": list(request.inputs)}
    body |= {name: value for name, value in request.extras.items() if name in _PASSED}
    return Encoded(body, dropped_names(sorted(request.extras.keys() - _PASSED)))


def decode_response(body: JSONDict) -> Judgements:
    """Read an answer. Raises `UpstreamFailed` for what is none, an error in a 200 included."""
    return read_judgements(body, _NAMES)
