"""All tables, by the format whose fixtures they speak of."""

from tests.gateway.formats.wire import (
    anthropic_messages,
    bedrock_converse,
    cohere_chat,
    gemini,
    ollama_chat,
    openai_chat,
    openai_responses,
)

TABLES = {
    "openai_chat": openai_chat.TABLE,
    "openai_responses": openai_responses.TABLE,
    "anthropic_messages": anthropic_messages.TABLE,
    "gemini": gemini.TABLE,
    "bedrock_converse": bedrock_converse.TABLE,
    "cohere_chat": cohere_chat.TABLE,
    "ollama_chat": ollama_chat.TABLE,
}
