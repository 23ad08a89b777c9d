"""Documents in the order of their relevance to a query. Clients speak Cohere's format, which many
servers have taken over."""

from typing import Any

from gateway.formats.rerank import cohere, nvidia, voyage

CLIENTS: dict[str, Any] = {cohere.NAME: cohere}
UPSTREAMS: dict[str, Any] = {format.NAME: format for format in (cohere, voyage, nvidia)}
