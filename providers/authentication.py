"""What a request to a provider carries besides its body, by the format that it speaks."""

_BEARER = ("authorization", "Bearer {}")
_KEY_HEADERS = {
    "anthropic_messages": ("x-api-key", "{}"),
    "gemini": ("x-goog-api-key", "{}"),
}
_ALWAYS = {"anthropic_messages": {"anthropic-version": "2023-06-01"}}


def headers(format: str, key: str) -> dict[str, str]:
    """The headers of a call with this API key, or without one where it is empty."""
    found = dict(_ALWAYS.get(format, {}))
    if key:
        name, template = _KEY_HEADERS.get(format, _BEARER)
        found[name] = template.format(key)
    return found
