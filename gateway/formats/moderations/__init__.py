"""Is a text or an image harmful, and how? Clients speak OpenAI's format."""

from typing import Any

from gateway.formats.moderations import mistral, openai

CLIENTS: dict[str, Any] = {openai.NAME: openai}
UPSTREAMS: dict[str, Any] = {format.NAME: format for format in (openai, mistral)}
