"""Where the facts tell in words how a provider gives out tokens, or tell of its own program's ways:
the same under the names of `providers.oauth.row`. Null takes a fact away.

No vendor's program is imitated, so what only that says of itself is left out. Where the vendor
accepts no other program, its row stands all the same, and the vendor says no.
"""

from typing import Any

_RENEWED_AT_LOGIN = "token_import"

CHANGES: dict[str, dict[str, Any]] = {
    "claude": {"encoding": "json", "sends_state": True},
    "codex": {
        # Its device flow is one of its own; the address to come back to is its own program's.
        "flow": "authorization_code",
        "device_authorization_url": None,
        "poll_url": None,
        "redirect": None,
        "extra_params": {"id_token_add_organizations": "true"},
        "claims": {"chatgpt_account_id": ["https://api.openai.com/auth", "chatgpt_account_id"]},
    },
    "github": {
        "exchange_url": "https://api.github.com/copilot_internal/v2/token",
        "exchange_header": "token {}",
        "answer": {"access_token": "token"},
    },
    "gemini-cli": {"pkce": "S256"},
    "antigravity": {"pkce": "S256"},
    # Its clients are registered at run time and speak AWS's own JSON.
    "kiro": {"flow": _RENEWED_AT_LOGIN},
    "kilocode": {
        "encoding": "json",
        "poll_method": "GET",
        "poll_pending": [202],
        "answer": {
            "user_code": "code",
            "device_code": "code",
            "verification_uri": "verificationUrl",
            "expires_in": "expiresIn",
            "access_token": "token",
        },
    },
    "cline": {
        "authorize_names": {"redirect_uri": "callback_url", "response_type": ""},
        "state_in_redirect": True,
        "encoding": "json",
        "refresh_names": {"refresh_token": "refreshToken", "grant_type": "grantType"},
        "answer": {
            "access_token": "data.accessToken",
            "refresh_token": "data.refreshToken",
            "expires_at": "data.expiresAt",
        },
    },
    "anthropic": {"flow": None},  # an identity token for a token: not in this version
    "gigachat": {
        "scopes": ["GIGACHAT_API_PERS"],  # or another, as the connection's parameter `scope`
        "client_auth": "basic",
        "token_headers": {"RqUID": "{uuid}"},
    },
    "openrouter": {
        "authorize_names": {"redirect_uri": "callback_url", "response_type": ""},
        "extra_params": None,
        "state_in_redirect": True,
        "encoding": "json",
        "token_names": {"grant_type": "", "redirect_uri": ""},
        "answer": {"access_token": "key"},
        "issues": "api_key",
    },
}
# What a connection's credential is, where the facts' word for it says something else.
AUTH: dict[str, list[str]] = {"watsonx": ["api_key"], "anthropic": ["api_key"]}


def changed(id: str, told: dict[str, Any]) -> dict[str, Any]:
    whole = told | CHANGES.get(id, {})
    return {name: value for name, value in whole.items() if value is not None}
