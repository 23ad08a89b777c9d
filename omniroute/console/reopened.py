"""A request of the log as the playground asks it again: as Chat Completions, whatever it was."""

from typing import Any

from analytics.models import RequestRecord
from gateway import formats
from gateway.errors import GatewayError
from gateway.formats import wire
from gateway.formats.types import Quirks


class CannotReopen(Exception):
    """Says why, to the person who asked."""


def chat_request(row: RequestRecord) -> dict[str, Any]:
    """The request's body, with the model that was asked for.

    Raises:
        CannotReopen: It was not kept, or not whole, or is no chat.
    """
    format = formats.CLIENTS.get(row.client_format)
    if format is None:
        raise CannotReopen("Only chats can be opened here, and this was none.")
    if not row.request_body:
        raise CannotReopen("The body of this request was not kept.")
    try:
        request = wire.loads(row.request_body)
        if format.NAME == "openai_chat":
            body: dict[str, Any] = dict(request)
        else:
            prompt = format.decode_request(request)
            chat = formats.by_name("openai_chat")
            body = chat.encode_request(prompt, row.requested_model, Quirks()).body
    except (ValueError, TypeError, GatewayError):
        raise CannotReopen("The body was kept only in part, so it cannot be read.") from None
    return body | {"model": row.requested_model}
