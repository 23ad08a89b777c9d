"""What every object that an SDK makes of our bytes is held to."""

from typing import TypeVar

import pydantic
import pytest

Object = TypeVar("Object", bound=pydantic.BaseModel)

# The formats of the upstreams, by the providers of `tests.e2e.gateway.configuration`.
UPSTREAMS = {"mk": "chat", "an": "messages", "rs": "responses", "gm": "gemini"}
upstreams = pytest.mark.parametrize(
    "provider", UPSTREAMS, ids=[f"{format}-upstream" for format in UPSTREAMS.values()]
)
ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def sound(made: Object) -> Object:
    """SDKs make objects without looking: here each field must be there, of its type.

    Dumping warns, which is an error, of a value of another type; validating finds what is missing.
    """
    type(made).model_validate_json(made.model_dump_json(exclude_unset=True, by_alias=True))
    return made
