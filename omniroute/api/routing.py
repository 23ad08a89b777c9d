"""Where a request would go, and what keeps calls away from connections."""

from typing import Any, Literal

import msgspec
from django.http import HttpRequest
from ninja import Body, Router, Schema

from gateway import explain, formats, runtime
from gateway.controls import PREFIX
from gateway.errors import GatewayError
from gateway.runtime import Runtime
from gateway.snapshot import Principal
from omniroute.api.auth import require
from omniroute.api.errors import ApiError
from omniroute.console import clearing

routes = Router()

ClientFormat = Literal[
    "openai_chat", "openai_completions", "openai_responses", "anthropic_messages", "gemini",
    "ollama_chat", "openai_embeddings", "gemini_embeddings", "gemini_embed_content",
    "cohere_rerank", "openai_moderations", "openai_speech",
    "openai_images", "openai_image_edits",
]  # fmt: skip


class Question(Schema):
    """`request` is a body in `format`; what it leaves out is not needed. `key` is the name of the
    API key that calls; without one, whoever may call everything. `headers` are `x-omniroute-…`."""

    model: str
    format: ClientFormat = "openai_chat"
    key: str | None = None
    request: dict[str, Any] = {}
    headers: dict[str, str] = {}


@routes.post("/explain")
def who_would_answer(request: HttpRequest, question: Body[Question]) -> Any:
    """The candidates in order, those left out and why, without calling anyone."""
    require(request, "providers.view_connection")
    process = serving()
    principal = _principal(process, question.key)
    named = [
        (name.lower().encode(), value.encode())
        for name, value in question.headers.items()
        if name.lower().encode().startswith(PREFIX)
    ]
    asked = explain.explain(
        process,
        principal,
        formats.for_any_client(question.format),
        question.model,
        question.request,
        named,
    )
    try:
        return msgspec.to_builtins(process.on_loop(asked))
    except GatewayError as error:
        raise ApiError(error.status, str(error), param=error.param or "") from None


def serving() -> Runtime:
    """This process, which must be one that answers calls."""
    process = runtime.current()
    if process is None:
        raise ApiError(503, "this process serves no calls, and knows nothing of them")
    return process


def _principal(process: Runtime, name: str | None) -> Principal:
    if name is None:
        return process.snapshot.anyone
    for principal in process.snapshot.keys.values():
        if principal.name == name:
            return principal
    raise ApiError(404, f"there is no usable API key {name!r}", param="key")


@routes.post("/health/clear")
def clear(
    request: HttpRequest, connection: Body[str | None] = None, model: Body[str | None] = None
) -> dict[str, Any]:
    """End cooldowns and open breakers: of all, of a connection, or of one model (`alias/model`)
    on it. What was cleared."""
    require(request, "providers.change_connection")
    serving()
    return {"cleared": clearing.clear(connection, model)}
