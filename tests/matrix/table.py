"""docs/formats.md, made of the scenarios and of `losses.py`."""

from pathlib import Path

from tests.matrix.clients import CLIENTS
from tests.matrix.losses import LOSSES, UNASKED, Loss
from tests.matrix.scenarios import SCENARIOS, Scenario
from tests.matrix.vendors import VENDORS

PATH = Path(__file__).resolve().parents[2] / "docs/formats.md"

TITLES = {
    "openai_chat": "Chat Completions",
    "openai_responses": "Responses",
    "anthropic_messages": "Messages",
    "gemini": "Gemini",
    "bedrock_converse": "Converse",
    "cohere_chat": "Cohere",
    "ollama_chat": "Ollama",
}

INTRODUCTION = """\
# Formats

A tool of yours speaks one format and the provider another. These are all the pairs, and what of {count} conversations comes through:
down the side what the client speaks, across what the provider speaks, {cells} cells with and without streaming. A test runs each of
them over real sockets, against clients and providers that are written from the vendors' documentation and share no code with the gateway,
and fails where this page is wrong. `make docs` writes it.

**✓** Lossless: the provider is asked all that the client said, and the client hears all that a provider of its own format would have
told it. Text, exact arguments, thoughts with their signatures, the reason why the answer ended and the token counts are compared.
**n/a** The client's format cannot ask for it. **A number** is explained below its table. Where something is left out of a request, its name is
in the header `x-omniroute-dropped`; where leaving it out would change what is asked, the client gets a 400 that names it.

| short | client calls | provider's `format` |
|---|---|---|
{formats}

Some servers need a word in their row (`quirks`): that its models think (`reasoning`, for Cohere's and Ollama's), and in which field a
server of the Chat Completions kind takes thoughts back (`thoughts`: `reasoning_details` for OpenRouter, `reasoning_content` for
DeepSeek). The providers of these tables have it.
"""

_CALLED = {
    "openai_chat": "`POST /v1/chat/completions`",
    "openai_responses": "`POST /v1/responses`",
    "anthropic_messages": "`POST /v1/messages`",
    "gemini": "`POST /v1beta/models/MODEL:generateContent`, `:streamGenerateContent`",
    "ollama_chat": "`POST /api/chat`, with the setting `ollama_api`",
}


def document() -> str:
    formats = "\n".join(
        f"| {title} | {_CALLED.get(name, '(providers only)')} | `{name}` |"
        for name, title in TITLES.items()
    )
    cells = len(CLIENTS) * len(VENDORS) * len(SCENARIOS) * 2
    head = INTRODUCTION.format(count=len(SCENARIOS), cells=cells, formats=formats)
    return "\n".join([head, *(_section(scenario) for scenario in SCENARIOS)])


def _section(scenario: Scenario) -> str:
    losses = [loss for loss in LOSSES if loss.scenario == scenario.id]
    heads = " | ".join(TITLES[name] for name in VENDORS)
    rows = [
        f"| **{TITLES[client]}** | "
        + " | ".join(_cell(client, upstream, scenario.id, losses) for upstream in VENDORS)
        + " |"
        for client in CLIENTS
    ]
    told = [f"{number}. {loss.why}" for number, loss in enumerate(losses, 1)]
    unasked = [f"n/a: {why}" for (_, asked), why in UNASKED.items() if asked == scenario.id]
    table = [f"| | {heads} |", "|---" * (len(VENDORS) + 1) + "|", *rows]
    notes = ["", *told] if told else []
    notes += ["", *unasked] if unasked else []
    return "\n".join([f"## {scenario.title}", "", scenario.about, "", *table, *notes, ""])


def _cell(client: str, upstream: str, scenario: str, losses: list[Loss]) -> str:
    if (client, scenario) in UNASKED:
        return "n/a"
    numbers = [
        str(number)
        for number, loss in enumerate(losses, 1)
        if loss.is_of(client, upstream, scenario)
    ]
    return ", ".join(numbers) or "✓"
