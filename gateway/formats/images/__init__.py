"""Words, and images, to images. Clients speak OpenAI's formats for both."""

from typing import Any

from gateway.formats.images import (
    bfl,
    edits,
    fal,
    google,
    openai,
    recraft,
    replicate,
    stability,
    together,
)

CLIENTS: dict[str, Any] = {format.NAME: format for format in (openai, edits)}
UPSTREAMS: dict[str, Any] = {
    format.NAME: format
    for format in (openai, edits, google, stability, bfl, fal, recraft, replicate, together)
}
