"""What a recording loses on its way, and why: the one table. What is not in it must be kept.

A row of a format that is not registered yet waits for it; each other row must be needed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Loss:
    """`path`, `recording` and `to` are patterns.

    `deed` is `request` or `answer` (back into the same format), `stream` (read), `pair` (a stream
    and a whole answer to one request), or `other request`, `other answer` or `other stream` (into
    the format `to`, and read again from there).
    """

    deed: str
    dialect: str
    path: str
    reason: str
    recording: str = "*"
    to: str = ""


LEGACY = "functions became tools in 2023, and a server takes either"
FUNCTIONS = "*[oO]pen[aA][iI]*"
OUTPUT = "the beta's name for what is now a part of output_config"
STOPPED = "OpenAI has one word for the end of an answer and for a stop sequence"
REFUSED = "either format has one word for what the model and what a filter refuses"

WITHOUT_IDS = "calls had no ids at Ollama: they get one, and are counted"

LOSSES: list[Loss] = [
    Loss("request", "openai_chat", "tool_choice", "`any` is Mistral's word for `required`, which it understands too", "*mistral*"),
    Loss("request", "openai_chat", "tool_choice", "the same", "openinference.*"),
    Loss("request", "openai_chat", "tool_choice.type", "a function is named without the type, which OpenAI asks for", "pydantic-ai.test_tool_choice_matrix*"),
    Loss("request", "openai_chat", "tool_choice.*", "a function is named in Anthropic's words, and asked for in OpenAI's", "req_llm.grok_beta*"),
    Loss("request", "openai_chat", "max_tokens", "the newer limit beside it is meant, as at OpenAI", "req_llm.gpt_5*"),
    Loss("request", "openai_chat", "functions", LEGACY, FUNCTIONS),
    Loss("request", "openai_chat", "function_call", LEGACY, FUNCTIONS),
    Loss("request", "openai_chat", "tools", LEGACY, FUNCTIONS),
    Loss("request", "openai_chat", "tool_choice", LEGACY, FUNCTIONS),
    Loss("request", "anthropic_messages", "output_format", OUTPUT, "mirascope.*"),
    Loss("request", "anthropic_messages", "output_config", OUTPUT, "mirascope.*"),
    Loss("answer", "openai_chat", "object", "the server left it out, and OpenAI's SDK wants it"),
    Loss("answer", "openai_chat", "id", "the same", "pydantic-ai.test_snowflake*"),
    Loss("answer", "openai_chat", "created", "the same", "agentops.*"),
    Loss("answer", "openai_chat", "usage.prompt_tokens_details.cached_tokens", "more than the whole prompt is said to be from the cache", "ruby_llm.chat_with_params_azure*"),
    Loss("request", "gemini", "model", "the model stands in the address"),
    Loss("request", "bedrock_converse", "modelId", "the model stands in the address"),
    Loss("request", "openai_responses", "tools.*", "a function in the words of Chat Completions", "req_llm.o3*"),
    Loss("request", "ollama_chat", "messages.*.tool_calls.*", WITHOUT_IDS),
    Loss("request", "ollama_chat", "messages.*.tool_call_id", WITHOUT_IDS),
    Loss("answer", "ollama_chat", "message.tool_calls.*", WITHOUT_IDS),
    Loss("answer", "ollama_chat", "prompt_eval_count", "a prompt that was read before is not counted: null is zero"),
    Loss("answer", "openai_responses", "max_output_tokens", "an answer repeats its request"),
    Loss("answer", "openai_responses", "reasoning", "an answer repeats its request"),
    Loss("answer", "gemini", "responseId", "the server left it out"),
    Loss("pair", "openai_chat", "input", "the stream tells no usage", "openllmetry.test_llms*"),
    Loss("pair", "openai_chat", "input", "what the search found is counted, and it found other pages", "*web_search*"),
    Loss("pair", "anthropic_messages", "input", "the server's tools were run more often in one of the two", "*text_editor*"),
    Loss("other request", "openai_chat", "tools.0.1.type", "a schema without a type, which Anthropic refuses, is an object's", "openai-dotnet.*WithoutSchema*", "anthropic_messages"),
    Loss("other answer", "openai_chat", "finish.content_filter", REFUSED, to="anthropic_messages"),
    Loss("other answer", "openai_chat", "finish.refusal", REFUSED, to="anthropic_messages"),
    Loss("other answer", "anthropic_messages", "finish.stop_sequence", STOPPED, to="openai_chat"),
    Loss("other answer", "anthropic_messages", "finish.stop", STOPPED, to="openai_chat"),
    Loss("other stream", "anthropic_messages", "finish.stop_sequence", STOPPED, to="openai_chat"),
    Loss("other stream", "anthropic_messages", "finish.stop", STOPPED, to="openai_chat"),
    Loss("other stream", "anthropic_messages", "finish.refusal", REFUSED, to="openai_chat"),
    Loss("other stream", "anthropic_messages", "finish.content_filter", REFUSED, to="openai_chat"),
]  # fmt: skip


@dataclass(frozen=True)
class Refusal:
    """What is refused, and of how many recordings; `words` are in what is said of it.

    Deeds as above; `error` is an answer that turns out to be one.
    """

    count: int
    deed: str
    dialect: str
    words: str
    reason: str
    recording: str = "*"
    to: str = ""


CHAT, MESSAGES = "openai_chat", "anthropic_messages"
REFUSALS: list[Refusal] = [
    Refusal(1, "request", CHAT, "tool_call_id: a value is missing", "whose result it is cannot be known"),
    Refusal(1, "error", CHAT, "Content management policy", "a filtered prompt, told as an error with status 200"),
    Refusal(1, "stream", CHAT, "", "the upstream's error stands in the stream", "*openrouter_stream_error*"),
    Refusal(2, "stream", CHAT, "", "the same", "req_llm.meta_llama*"),
    Refusal(4, "stream", MESSAGES, "broke off", "a whole message was recorded where a stream was asked for", "lingua.vertex_anthropic*"),
    Refusal(5, "other request", CHAT, "response_format: ", "JSON of any shape: Anthropic gives it by a schema only", to=MESSAGES),
    Refusal(5, "other request", CHAT, "n: ", "several answers", to=MESSAGES),
    Refusal(4, "other request", CHAT, "tool type openrouter:", "tools that OpenRouter runs", to=MESSAGES),
    Refusal(4, "other request", CHAT, "audio", "sound, in either direction", to=MESSAGES),
    Refusal(1, "other request", CHAT, "video_url", "video", to=MESSAGES),
    Refusal(17, "other request", MESSAGES, "tool type", "tools that Anthropic runs or trained for", to=CHAT),
    Refusal(9, "other request", MESSAGES, "content of type", "what Anthropic's own tools, files and compaction left in the history", to=CHAT),
    Refusal(2, "other request", MESSAGES, "mcp_servers", "MCP servers that Anthropic calls", to=CHAT),
    Refusal(1, "other request", MESSAGES, "document given by URL", "the gateway fetches it before it comes to this", to=CHAT),
]  # fmt: skip


def unexplained(deed: str, recording: str, paths: Iterable[str], to: str = "") -> list[str]:
    """Of these paths those that the table says nothing of."""
    return [
        path
        for path in paths
        if not any(explains(loss, deed, recording, path, to) for loss in LOSSES)
    ]


def explains(loss: Loss, deed: str, recording: str, path: str, to: str = "") -> bool:
    return loss.deed == deed and _is_of(loss, recording, to) and fnmatchcase(path, loss.path)


def refused(deed: str, recording: str, words: str, to: str = "") -> list[Refusal]:
    """The rows that explain a refusal."""
    return [
        row
        for row in REFUSALS
        if row.deed == deed and row.words in words and _is_of(row, recording, to)
    ]


def _is_of(row: Loss | Refusal, recording: str, to: str) -> bool:
    dialect, _, name = recording.partition("/")
    return dialect == row.dialect and fnmatchcase(to, row.to) and fnmatchcase(name, row.recording)
