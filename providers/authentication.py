"""What a request to a provider carries besides its body, by the format that it speaks."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from yarl import URL

from providers.adapters import aws
from providers.credentials import resolve

_BEARER = ("authorization", "Bearer {key}")
_KEY_HEADERS = {
    "anthropic_messages": ("x-api-key", "{key}"),
    "gemini": ("x-goog-api-key", "{key}"),
    "elevenlabs_speech": ("xi-api-key", "{key}"),
    "gemini_images": ("x-goog-api-key", "{key}"),
    "bfl_images": ("x-key", "{key}"),
    "fal_images": ("authorization", "Key {key}"),
    "deepgram_speech": ("authorization", "Token {key}"),
    "deepgram_transcriptions": ("authorization", "Token {key}"),
    "assemblyai_transcriptions": ("authorization", "{key}"),
    "elevenlabs_transcriptions": ("xi-api-key", "{key}"),
    "gemini_embeddings": ("x-goog-api-key", "{key}"),
    "gemini_embed_content": ("x-goog-api-key", "{key}"),
}
_ALWAYS = {"anthropic_messages": {"anthropic-version": "2023-06-01"}}


def headers(
    format: str,
    auth: Mapping[str, Any],
    added: Mapping[str, str],
    *,
    method: str,
    url: str | URL,
    body: bytes = b"",
    key_header: tuple[str, str] | None = None,
) -> dict[str, str]:
    """The headers of a call with the credential `auth`, and those that the operator `added`.

    `key_header` is the name and the template (`Bearer {key}`) of the header with the key, where a
    provider has it elsewhere than its format has.

    Amazon's are a signature of the rest, so nothing may be changed afterwards.

    Raises:
        CredentialUnreadable: A variable or a file that it refers to is not there.
    """
    found = {**_ALWAYS.get(format, {}), **added}
    if "access_key_id" in auth:
        return found | aws.sign(method, str(url), found, body, auth, datetime.now(UTC))
    if token := resolve(auth.get("access_token", "")):
        return {"authorization": f"Bearer {token}", **found}
    key = resolve(auth.get("api_key", ""))
    if key:
        name, template = key_header or _KEY_HEADERS.get(format, _BEARER)
        found = {name: template.replace("{key}", key), **found}
    return found
