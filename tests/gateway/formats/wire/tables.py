"""All tables, by the format whose fixtures they speak of."""

from tests.gateway.formats.wire import (
    anthropic_messages,
    bedrock_converse,
    gemini,
    openai_chat,
    openai_responses,
)

TABLES = {
    "openai_chat": openai_chat.TABLE,
    "openai_responses": openai_responses.TABLE,
    "anthropic_messages": anthropic_messages.TABLE,
    "gemini": gemini.TABLE,
    "bedrock_converse": bedrock_converse.TABLE,
}
