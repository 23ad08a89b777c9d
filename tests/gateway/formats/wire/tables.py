"""All tables, by the format whose fixtures they speak of."""

from tests.gateway.formats.wire import anthropic_messages, openai_chat

TABLES = {
    "openai_chat": openai_chat.TABLE,
    "anthropic_messages": anthropic_messages.TABLE,
}
