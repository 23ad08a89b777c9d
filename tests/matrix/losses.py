"""Every cell of the matrix that is not lossless, and why: the one place that says it.

`test_matrix.py` runs each cell and holds it against this table, both ways; `table.py` makes
docs/formats.md of it. Between a client and an upstream of one format nothing is lost, ever.
"""

from dataclasses import dataclass

ALL = "*"


@dataclass(frozen=True)
class Loss:
    """`name` is what `cells.py` calls it, `why` explains it to the reader of docs/formats.md.

    `clients` and `upstreams` are names of formats with spaces between them, or ALL.
    """

    scenario: str
    name: str
    clients: str
    upstreams: str
    why: str

    def is_of(self, client: str, upstream: str, scenario: str) -> bool:
        return (
            scenario == self.scenario
            and client != upstream
            and (self.clients == ALL or client in self.clients.split())
            and (self.upstreams == ALL or upstream in self.upstreams.split())
        )


# client, scenario: what its format has no words for, so that there is nothing to lose.
UNASKED = {
    ("openai_responses", "stop"): "Responses has no parameter for stop sequences.",
}

LOSSES = (
    Loss(
        "tool-image", "picture beside the result", ALL, "openai_chat cohere_chat",
        "A tool's message holds text only. The picture follows in a message of the user's, with a "
        "word on the call that it belongs to.",
    ),
    Loss(
        "tool-image", "picture beside the result", ALL, "gemini",
        "Most models take only text of a function, so the picture follows in the user's words. A "
        "model that takes pictures too says so in its row (`tool_result_media`), and gets them in "
        "the result.",
    ),
    Loss(
        "thinking", "thought", "ollama_chat", "openai_responses anthropic_messages gemini bedrock_converse",
        "Ollama's format has no place for a signature, and without it these providers take no "
        "thought back. It is left out of the second turn (`x-omniroute-dropped: thinking`).",
    ),
    Loss(
        "thinking", "signature", "ollama_chat", "openai_chat",
        "Ollama's format has no place for a signature: the thought comes back without one.",
    ),
    Loss(
        "thinking", "thinks", "ollama_chat", "openai_chat openai_responses",
        "`think: true` does not say how much, and these providers want an effort: the model thinks "
        "as much as it does unasked. `think: \"low\"`, `\"medium\"` and `\"high\"` are passed on.",
    ),
    Loss(
        "thinking", "thinks", "ollama_chat", "anthropic_messages bedrock_converse",
        "Claude does not think in a turn of tools that lacks the thought before the call, so the "
        "second turn does without.",
    ),
    Loss(
        "stop", "refused", ALL, "openai_responses",
        "Responses has no parameter for stop sequences, and without them the answer would be "
        "another: a 400 names the field.",
    ),
    Loss(
        "stop", "stop sequence not told", "anthropic_messages", "openai_chat gemini ollama_chat",
        "These providers end with the same word as an answer that is complete, so the client "
        "reads `end_turn`.",
    ),
    Loss(
        "stop", "stop sequence not told", "anthropic_messages", "cohere_chat",
        "Cohere says that a stop sequence ended the answer, and not which: `stop_sequence` is null.",
    ),
    Loss(
        "refusal", "refusal not told", "openai_chat openai_responses anthropic_messages gemini", "cohere_chat ollama_chat",
        "These providers do not tell a refusal from an answer: the words come as text.",
    ),
)  # fmt: skip


def expected(client: str, upstream: str, scenario: str) -> set[str]:
    """The names of what is lost in a cell."""
    return {loss.name for loss in LOSSES if loss.is_of(client, upstream, scenario)} - (
        {"refused"} if (client, scenario) in UNASKED else set()
    )
