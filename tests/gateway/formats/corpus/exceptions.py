"""What a recording loses on its way, and why: the one table. What is not in it must be kept.

A row of a format that is not registered yet waits for it; each other row must be needed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Loss:
    """All but `reason` are patterns.

    `deed` is `request` or `answer` (back into the same format), `stream` (read), `retold` (by the
    stream itself at its end), `pair` (a stream
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
STOPPED = "most formats have one word for the end of an answer and for a stop sequence"
REFUSED = "most formats have one word for what the model and what a filter refuses"

COUNTED = "Ollama tells what was read and what was written, and no more"
UNSIGNED = "Ollama has no place for signatures and citations"
FETCHED = "what a tool returned besides text follows as the user's, with a word on whose it is"
FAILED = "that a call failed is said in its text: there is no other place"
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
    Loss("request", "gemini", "contents.*.parts", "a text of no characters says nothing", "mirascope.test_strict_mode*"),
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
    Loss("retold", "openai_responses", "signatures.*", "the same thoughts are encrypted anew when they are told again"),
    Loss("pair", "ollama_chat", "input", "a prompt that was read before is not counted"),
    Loss("pair", "openai_chat", "input", "the stream tells no usage", "openllmetry.test_llms*"),
    Loss("pair", "openai_chat", "input", "what the search found is counted, and it found other pages", "*web_search*"),
    Loss("pair", "anthropic_messages", "input", "the server's tools were run more often in one of the two", "*text_editor*"),
    Loss("other [as]*", "*", "finish.stop*", STOPPED, to="[!a]*"),
    Loss("other [as]*", "*", "finish.content_filter", REFUSED, to="*"),
    Loss("other [as]*", "*", "finish.refusal", REFUSED, to="*"),
    Loss("other [as]*", "*", "usage.cache_*", COUNTED, to="ollama_chat"),
    Loss("other [as]*", "*", "usage.reasoning_tokens", COUNTED, to="ollama_chat"),
    Loss("other [as]*", "*", "usage.units.*", "only OpenAI's chats and Gemini tell tokens of sounds and images apart", to="[abc]*"),
    Loss("other [as]*", "*", "usage.units.*", "only OpenAI's chats and Gemini tell tokens of sounds and images apart", to="ollama_chat"),
    Loss("other [as]*", "*", "usage.units.*", "only OpenAI's chats and Gemini tell tokens of sounds and images apart", to="openai_responses"),
    Loss("other [as]*", "*", "signatures*", UNSIGNED, to="ollama_chat"),
    Loss("other [as]*", "*", "cited*", UNSIGNED, to="ollama_chat"),
    Loss("other [as]*", "*", "usage.cache_write_tokens", "Gemini does not tell what was written to the cache", to="gemini"),
    Loss("other [as]*", "anthropic_messages", "usage.cache_write_1h_tokens", "only Anthropic and Amazon tell for how long a cache is kept", to="[go]*"),
    Loss("other stream", "openai_chat", "usage.output_tokens", "more thoughts are counted than all that was written", "req_llm.deepseek*", "gemini"),
    Loss("other [as]*", "openai_chat", "calls.*", "Gemini and Ollama take objects: `null` and half an object are kept as text", to="[go]*"),
    Loss("other stream", "openai_responses", "calls.*", "a client of this format cannot have asked for a tool that takes free text", "lingua.responses_response_streaming*", "*"),
    Loss("other stream", "gemini", "calls.0.0", "a call without an id gets another one each time it is read", "vertexai-sdk-test-data*", "gemini"),
    Loss("other request", "*", "*$schema", "Google refuses it, and it says only which edition of JSON Schema is meant", to="gemini"),
    Loss("other request", "openai_chat", "tools.0.1.type", "a schema without a type is an object's", "openai-dotnet.*WithoutSchema*", "o*"),
    Loss("other request", "gemini", "turns*", FETCHED, "*", "openai_*"),
    Loss("other request", "gemini", "turns.*.3", FAILED, "*", "openai_*"),
    Loss("other request", "bedrock_converse", "turns*", "a document of text and citations of it are text", to="[go]*"),
    Loss("other request", "*", "tools", "tools that may not be called are not sent", to="[ao]*"),
    Loss("stream", "gemini", "parts", "the prompt was blocked, or nothing was said"),
    Loss("stream", "openai_responses", "parts", "the answer was cut before it began", "req_llm.o3_deep*"),
    Loss("other request", "openai_chat", "tools.0.1.type", "a schema without a type, which Anthropic refuses, is an object's", "openai-dotnet.*WithoutSchema*", "anthropic_messages"),
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
    Refusal(2, "request", "bedrock_converse", "document.source.bytes", "bytes that the recorder could not write down"),
    Refusal(1, "error", CHAT, "", "a filtered prompt, told as an error with status 200", "openllmetry.test_azure*filtering*"),
    Refusal(1, "stream", CHAT, "", "the upstream's error stands in the stream", "*openrouter_stream_error*"),
    Refusal(2, "stream", CHAT, "", "the same", "req_llm.meta_llama*"),
    Refusal(1, "stream", "gemini", "", "the same", "vertexai-sdk-test-data.vertexai_streaming_failure*"),
    Refusal(1, "stream", "openai_responses", "", "the same", "prism.openai_stream_rate_limited*"),
    Refusal(4, "stream", MESSAGES, "broke off", "a whole message was recorded where a stream was asked for", "lingua.vertex_anthropic*"),
    Refusal(1, "error", "cohere_chat", "no message", "an embedding: no answer of a chat", "ai.cohere_cohere_embedding*"),
    Refusal(1, "error", "gemini", "no candidates", "a cache was made: no answer of a chat", "prism.gemini_use_cache*"),
    Refusal(1, "error", "openai_responses", "no output", "an answer of Chat Completions", "ai.azure_azure_deepseek*"),
    Refusal(4, "other request", "openai_chat", "tool type", "tools that the provider runs, or that its models alone are trained for", to="*"),
    Refusal(17, "other request", "openai_responses", "tool type", "tools that the provider runs, or that its models alone are trained for", to="*"),
    Refusal(25, "other request", "anthropic_messages", "tool type", "tools that the provider runs, or that its models alone are trained for", to="*"),
    Refusal(10, "other request", "gemini", "tool type", "tools that the provider runs, or that its models alone are trained for", to="*"),
    Refusal(1, "other request", "bedrock_converse", "tool type", "tools that the provider runs, or that its models alone are trained for", to="*"),
    Refusal(2, "other request", "openai_chat", "content of type", "what only the provider's own models and tools take, write or left in the history", to="*"),
    Refusal(1, "other request", "openai_responses", "content of type", "what only the provider's own models and tools take, write or left in the history", to="*"),
    Refusal(1, "other request", "anthropic_messages", "content of type", "what only the provider's own models and tools take, write or left in the history", to="*"),
    Refusal(8, "other request", "bedrock_converse", "content of type", "what only the provider's own models and tools take, write or left in the history", to="*"),
    Refusal(27, "other request", "openai_chat", "tool_choice: ", "Ollama cannot be made to call a tool", to="*"),
    Refusal(4, "other request", "openai_responses", "tool_choice: ", "Ollama cannot be made to call a tool", to="*"),
    Refusal(15, "other request", "anthropic_messages", "tool_choice: ", "Ollama cannot be made to call a tool", to="*"),
    Refusal(6, "other request", "gemini", "tool_choice: ", "Ollama cannot be made to call a tool", to="*"),
    Refusal(3, "other request", "bedrock_converse", "tool_choice: ", "Ollama cannot be made to call a tool", to="*"),
    Refusal(2, "other request", "cohere_chat", "tool_choice: ", "Ollama cannot be made to call a tool", to="*"),
    Refusal(4, "other request", "openai_chat", "stop: ", "the Responses API knows no stop sequences", to="*"),
    Refusal(6, "other request", "anthropic_messages", "stop: ", "the Responses API knows no stop sequences", to="*"),
    Refusal(6, "other request", "gemini", "stop: ", "the Responses API knows no stop sequences", to="*"),
    Refusal(2, "other request", "bedrock_converse", "stop: ", "the Responses API knows no stop sequences", to="*"),
    Refusal(1, "other request", "cohere_chat", "stop: ", "the Responses API knows no stop sequences", to="*"),
    Refusal(5, "other request", "openai_chat", "response_format: ", "JSON of any shape: Anthropic gives it by a schema only", to="*"),
    Refusal(1, "other request", "openai_responses", "response_format: ", "JSON of any shape: Anthropic gives it by a schema only", to="*"),
    Refusal(2, "other request", "gemini", "response_format: ", "JSON of any shape: Anthropic gives it by a schema only", to="*"),
    Refusal(1, "other request", "ollama_chat", "response_format: ", "JSON of any shape: Anthropic gives it by a schema only", to="*"),
    Refusal(5, "other request", "openai_chat", "n: ", "several answers", to="*"),
    Refusal(4, "other request", "openai_chat", "audio", "sound, in either direction", to="*"),
    Refusal(1, "other request", "gemini", "audio", "sound, in either direction", to="*"),
    Refusal(4, "other request", "openai_chat", "document", "documents, or such by URL that the gateway fetches before it comes to this", to="*"),
    Refusal(1, "other request", "openai_responses", "document", "documents, or such by URL that the gateway fetches before it comes to this", to="*"),
    Refusal(1, "other request", "anthropic_messages", "document", "documents, or such by URL that the gateway fetches before it comes to this", to="*"),
    Refusal(7, "other request", "gemini", "document", "documents, or such by URL that the gateway fetches before it comes to this", to="*"),
    Refusal(2, "other request", "bedrock_converse", "document", "documents, or such by URL that the gateway fetches before it comes to this", to="*"),
    Refusal(1, "other request", "anthropic_messages", "an image that is", "pictures by an address: the gateway fetches them before it comes to this", to="*"),
    Refusal(1, "other request", "gemini", "an image that is", "pictures by an address: the gateway fetches them before it comes to this", to="*"),
    Refusal(4, "other request", "gemini", "a file of another", "files that lie at the provider", to="*"),
    Refusal(1, "other request", "gemini", "cachedContent", "a cache that lies at the provider", to="*"),
    Refusal(2, "other request", "anthropic_messages", "mcp_servers", "MCP servers that the provider calls", to="*"),
    Refusal(2, "other request", "openai_responses", "background", "what is kept or run at the provider", to="*"),
    Refusal(1, "other request", "openai_responses", "conversation", "the same", to="*"),
    Refusal(3, "other request", "openai_responses", "previous_response_id", "the same: the gateway puts the turns before it where it keeps them", to="*"),
    Refusal(3, "other request", "openai_responses", "prompt: ", "the same", to="*"),
]  # fmt: skip


def unexplained(deed: str, recording: str, paths: Iterable[str], to: str = "") -> list[str]:
    """Of these paths those that the table says nothing of."""
    return [
        path
        for path in paths
        if not any(explains(loss, deed, recording, path, to) for loss in LOSSES)
    ]


def explains(loss: Loss, deed: str, recording: str, path: str, to: str = "") -> bool:
    return (
        fnmatchcase(deed, loss.deed)
        and _is_of(loss, recording, to)
        and fnmatchcase(path, loss.path)
    )


def refused(deed: str, recording: str, words: str, to: str = "") -> list[Refusal]:
    """The rows that explain a refusal."""
    return [
        row
        for row in REFUSALS
        if row.deed == deed and row.words in words and _is_of(row, recording, to)
    ]


def _is_of(row: Loss | Refusal, recording: str, to: str) -> bool:
    dialect, _, name = recording.partition("/")
    return (
        fnmatchcase(dialect, row.dialect)
        and fnmatchcase(to, row.to)
        and fnmatchcase(name, row.recording)
    )
