"""Requests: a prompt becomes the one message of a conversation.

Source: https://platform.openai.com/docs/api-reference/completions/create (read 2026-11)
"""

import msgspec

from gateway.errors import BadRequest, NotSupported
from gateway.formats import openai_chat, sse
from gateway.formats.reading import limit_of, optional, others, required, wrong
from gateway.formats.types import JSONDict, Prompt

NAME = "openai_completions"
STREAM_TYPE = sse.CONTENT_TYPE

# What means the same in a chat. `max_tokens` has no default there, and gets none: here it is 16,
# which for what is asked of chat models is never meant.
_SHARED = frozenset(
    [
        "model",
        "stream",
        "stream_options",
        "max_tokens",
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "stop",
        "seed",
        "user",
        "reasoning_effort",
    ]
)
_READ = _SHARED | {"system", "prompt", "suffix", "echo", "n", "logprobs"}


def max_tokens(body: JSONDict) -> int | None:
    """How much the answer may be at most, as far as the request says so."""
    return limit_of(body, ("max_tokens",))


def check_request(body: JSONDict) -> None:
    """What must be right.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
        NotSupported: It asks for what a chat does not give.
    """
    openai_chat.check_request(_chat(body))
    if optional(body, "suffix", str):
        raise _refused("suffix", "inserting text is not possible")
    if optional(body, "echo", bool):
        raise _refused("echo", "the prompt cannot be repeated")
    if (optional(body, "n", int) or 1) != 1:
        raise _refused("n", "one completion is given a call")
    if optional(body, "logprobs", int) is not None:
        raise _refused("logprobs", "log probabilities are not available")


def _refused(param: str, why: str) -> NotSupported:
    return NotSupported(f"{param}: {why} with chat models", param=param)


def decode_request(body: JSONDict) -> Prompt:
    """Read a request. `best_of`, `logit_bias` and what nobody knows is in `extras`.

    Raises:
        BadRequest: A field is missing or of the wrong type; it is named.
    """
    check_request(body)
    further = {name: told for name, told in others(body, _READ).items() if told is not None}
    prompt = openai_chat.decode_request(_chat(body))
    return msgspec.structs.replace(prompt, format=NAME, extras=further)


def _chat(body: JSONDict) -> JSONDict:
    shared = {name: value for name, value in body.items() if name in _SHARED}
    if not required(body, "model", str):  # before the prompt, as it is read
        raise BadRequest("model: a value is missing", param="model")
    told = optional(body, "system", str)  # which Ollama's completions have too
    messages = [{"role": "system", "content": told}] if told else []
    messages.append({"role": "user", "content": _text(body.get("prompt"))})
    return shared | {"messages": messages}


def _text(prompt: object) -> str:
    """The prompt; several are several calls, and tokens are another model's than the one asked."""
    match prompt:
        case None | "" | []:
            raise BadRequest("prompt: a value is missing", param="prompt")
        case str(text) | [str(text)]:
            return text
        case [str(), *_]:
            raise NotSupported("prompt: one prompt is possible a call", param="prompt")
        case [int() | list(), *_]:
            raise NotSupported("prompt: text is expected, not tokens", param="prompt")
    raise wrong("prompt", "a string")
