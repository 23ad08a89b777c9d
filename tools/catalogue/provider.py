"""A provider's facts as a row of ours."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from providers import served
from tools.catalogue import signing_in

Facts = dict[str, Any]
Row = dict[str, Any]

# What a format of ours adds to its base address: an endpoint elsewhere is in no format of ours.
SUFFIXES = {
    "openai_chat": "/chat/completions",
    "openai_responses": "/responses",
    "anthropic_messages": "/messages",
    "gemini": "/models/{model}:generateContent",
    "cohere_chat": "/v2/chat",
    "ollama_chat": "/api/chat",
    "bedrock_converse": "/model/{model}/converse",
}
KINDS = {
    "messages": "chat",
    "responses": "chat",
    "embeddings": "embedding",
    "images": "image",
    "image_edits": "image_edit",
    "audio_speech": "speech",
    "audio_transcription": "transcription",
    "audio_translation": "translation",
    "moderations": "moderation",
}
AUTH = {
    "api_key": "api_key",
    "aws_sigv4": "aws",
    "oauth_pkce": "oauth",
    "oauth_code": "oauth",
    "oauth_device": "oauth",
    "token_import": "oauth",
    "oauth_client_credentials": "client_credentials",
    "service_account": "service_account",
    "none": "none",
}
# Values of headers, where the facts say in words what belongs there; "": nothing of ours does.
# We say who we are, and never that we are somebody else's program.
HEADERS = {
    "anthropic-version": "",  # the format's own
    "anthropic-beta": "",
    "OpenAI-Beta": "",
    "Accept": "",
    "x-initiator": "",
    "copilot-vision-request": "",
    "copilot-integration-id": "{integration_id}",
    "editor-version": "OmniRoute/0.1",
    "editor-plugin-version": "OmniRoute/0.1",
    "originator": "omniroute",
    "HTTP-Referer": "",  # optional: the address of somebody's gateway is nobody's business
    "X-Title": "OmniRoute",
    "User-Agent": "OmniRoute",
    "Cartesia-Version": "2025-04-16",
}
# Further values that a connection has: the header that carries each, "" where an address does.
PARAM_HEADERS = {
    "chatgpt_account_id": "chatgpt-account-id",
    "organization": "openai-organization",
    "project": "openai-project",
    "appid": "appid",
    "token_type": "x-snowflake-authorization-token-type",
}
HELP = {
    "region": "The region, such as us-east-1.",
    "location": "The location, such as us-central1 or global.",
    "project": "The project's id.",
    "account_id": "The account's id.",
    "account": "The account's identifier, as it stands in the host name.",
    "resource": "The name of the Azure resource.",
    "gateway_id": "The gateway's id.",
    "scope": "What the token is for, where it is not the usual.",
    "host": "The workspace's host name.",
    "workspace": "The workspace's name.",
    "app": "The name of the deployed app.",
    "tenant": "The id of the Entra tenant, to sign in with a client id and secret.",
    "chatgpt_account_id": "The account's id; the sign-in tells it.",
    "organization": "The organisation's id.",
    "appid": "The application's id.",
    "token_type": "PROGRAMMATIC_ACCESS_TOKEN or KEYPAIR_JWT.",
    "integration_id": "The id of the integration that you have registered with GitHub.",
}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def convert(facts: Facts) -> Row:
    formats, bases = _addresses(facts)
    main = next(iter(formats), None)
    row: Row = {
        "id": facts["id"],
        "alias": facts["alias"],
        "name": facts["name"],
        "status": "" if facts["status"] == "active" else facts["status"],
        "status_note": facts.get("status_note") or "",
        "retired_on": _day(facts.get("retired_on")),
        "category": facts["category"],
        "tier": facts["tier"],
        "format": main,
        "base_url": formats.pop(main) if main else "",
        "other_formats": formats,
        "other_bases": bases,
        "auth": signing_in.AUTH.get(facts["id"])
        or list(dict.fromkeys(AUTH[name] for name in facts["auth"]["types"])),
        "key_headers": {},
        "headers": _headers(facts),
        "params": [],
        "passthrough": facts["models_passthrough"],
        "local": facts["category"] == "local",
        "env_var": "",
        "docs_url": facts["docs_url"],
        "quirks": _quirks(facts),
        "rate_limit_headers": facts["rate_limit_headers"],
        "probes": [],
        "endpoints": list(_endpoints(facts)),
        "terms": _terms(facts["terms_risk"]),
        "oauth": _oauth(facts),
        "sources": facts["sources"],
    }
    if not is_served(row):
        row["headers"] = {}  # those of somebody's program, mostly
    row["key_headers"] = dict(_key_headers(facts, [main, *formats] if main else []))
    row["params"] = list(_params(facts, row))
    row["env_var"] = _variable(facts, row)
    return row


def _day(told: str | None) -> date | None:
    return date.fromisoformat(told) if told else None


# --- Addresses -------------------------------------------------------------------------------


def _addresses(facts: Facts) -> tuple[dict[str, str], dict[str, str]]:
    """The bases of the formats of ours that it chats in, its own first; and all other bases."""
    formats: dict[str, str] = {}
    for endpoint in facts["endpoints"]:
        base = _our_base(facts, endpoint)
        if base is not None and (not formats or _is_equal(facts, endpoint, next(iter(formats)))):
            formats.setdefault(endpoint["dialect"], base)
    named = {endpoint["base"] for endpoint in facts["endpoints"]}
    others = {
        name: url
        for name, url in facts["base_urls"].items()
        if formats.get(name) != url and (name in named or name not in SUFFIXES)
    }
    # A base of a format of ours that its chat does not stand under has another name.
    return formats, {f"{name}_base" if name in SUFFIXES else name: u for name, u in others.items()}


def _is_equal(facts: Facts, endpoint: Facts, main: str) -> bool:
    """May every model be asked there, and all that can be asked in its own format?

    A client of that format is then relayed to it untranslated. What OpenAI's format is put on top
    of says less than what is below; Gemini's is for Google's models only, wherever it is offered.
    """
    api, dialect, known = endpoint["api"], endpoint["dialect"], facts["verified"]
    is_lesser = dialect == "openai_chat" and (main in _RICHER or facts["id"] == "anthropic")
    if dialect == "gemini" or is_lesser:
        return False
    return bool(known.get(f"endpoints.{api}") or known.get(f"endpoints.{api}.{dialect}"))


_RICHER = ("gemini", "cohere_chat", "bedrock_converse", "ollama_chat")


def _our_base(facts: Facts, endpoint: Facts) -> str | None:
    suffix = SUFFIXES.get(endpoint["dialect"])
    if KINDS.get(endpoint["api"], endpoint["api"]) != "chat" or suffix is None:
        return None
    url = _url(facts, endpoint)
    # The vendor in the path is a part of the model's name, and not the connection's to say.
    return url[: -len(suffix)] if url.endswith(suffix) and "{vendor}" not in url else None


def _url(facts: Facts, endpoint: Facts) -> str:
    path: str = endpoint["path"]
    return path if "://" in path else facts["base_urls"][endpoint["base"]] + path


# Near OpenAI's or Google's and not the same, by provider and kind.
OWN_DIALECTS = {
    ("voyage-ai", "embedding"): "voyage",
    ("voyage-ai", "rerank"): "voyage",
    ("jina-ai", "embedding"): "jina",
    ("mistral", "embedding"): "mistral",
    ("mistral", "moderation"): "mistral",
    ("together", "image"): "together",
    ("vertex", "embedding"): "vertex_predict",
    ("openrouter", "image"): "openai_chat_modalities",
}


def _endpoints(facts: Facts) -> Iterator[Row]:
    formats, bases = _addresses(facts)
    for endpoint in facts["endpoints"]:
        kind = KINDS.get(endpoint["api"], endpoint["api"])
        dialect, base = endpoint["dialect"], endpoint["base"]
        dialect = OWN_DIALECTS.get((facts["id"], kind), dialect)
        path, streams = endpoint["path"], endpoint.get("stream_path", "")
        ours = _our_base(facts, endpoint)
        if kind == "chat" and ours is None and dialect in SUFFIXES:
            dialect = f"{dialect}_at_{facts['id'].replace('-', '_')}"  # its envelope, or its path
        if ours is not None and formats.get(dialect) == ours:
            base, path = dialect, SUFFIXES[dialect]
            streams = ""
        elif facts["base_urls"].get(base) != formats.get(base):
            base = f"{base}_base" if base in SUFFIXES else base
        row = {"kind": kind, "dialect": dialect, "base": base, "path": path}
        if base not in bases and base not in formats:
            raise ValueError(f"{facts['id']}: {endpoint} has no base")
        row |= {"stream_path": streams, "batch_path": endpoint.get("batch_path", "")}
        yield row | {"is_async": bool(endpoint.get("async"))}


# --- Headers and parameters ------------------------------------------------------------------


def _headers(facts: Facts) -> dict[str, str]:
    found = {}
    for name, value in facts.get("required_headers", {}).items():
        written = HEADERS.get(name, value)
        if written:
            found[name.lower()] = written
    for field in facts["auth"].get("extra_fields", []):
        header = PARAM_HEADERS.get(field["name"])
        if header and "header" in field["where"]:
            found[header] = f"{{{field['name']}}}"
    return found


def _key_headers(facts: Facts, formats: list[str]) -> Iterator[tuple[str, Row]]:
    """Only where a key does not go where the format has it anyway."""
    default = {"anthropic_messages": "x-api-key", "gemini": "x-goog-api-key"}
    told = facts["auth"].get("header")
    alternatives = facts["auth"].get("alternatives", [])
    anthropic = next((a for a in alternatives if "Anthropic dialect" in a["when"]), None)
    openai = next((a for a in alternatives if a["when"].startswith("OpenAI")), None)
    for format in formats:
        header = told
        if format == "anthropic_messages" and anthropic:
            header = anthropic
        elif format in ("openai_chat", "openai_responses") and openai:
            header = openai
        if not header or "signature" in header["format"] or format == "gemini":
            continue
        name = header["name"].lower()
        template = _PLACEHOLDER.sub("{key}", re.sub(r"\{[^}]*\}", "{key}", header["format"]))
        ours = default.get(format, "authorization")
        if (name, template) != (ours, "{key}" if format in default else "Bearer {key}"):
            yield format, {"name": name, "template": template}


def _params(facts: Facts, row: Row) -> Iterator[Row]:
    """What its addresses and headers have in braces."""
    urls = [row["base_url"], *row["other_formats"].values(), *row["other_bases"].values()]
    urls += [endpoint["path"] for endpoint in row["endpoints"] if "://" in endpoint["path"]]
    needed = dict.fromkeys(name for url in urls for name in _PLACEHOLDER.findall(url))
    optional = dict.fromkeys(
        name
        for text in (*row["headers"].values(), row["oauth"].get("token_url", ""))
        for name in _PLACEHOLDER.findall(text)
    )
    required = {f["name"] for f in facts["auth"].get("extra_fields", []) if f["required"]}
    for name in [*needed, *(name for name in optional if name not in needed)]:
        if name in HELP:
            is_required = name in needed or name in required
            yield {"name": name, "help": HELP[name], "required": is_required}


def _variable(facts: Facts, row: Row) -> str:
    """The variable that makes a connection by itself: where a key is all that is needed."""
    simple = "api_key" in row["auth"] and facts["status"] == "active" and row["category"] != "local"
    if not simple or any(param["required"] for param in row["params"]):
        return ""
    names = [
        name
        for name in facts["auth"]["env_vars"]
        if name.isidentifier() and ("TOKEN" not in name or "HF" in name)
    ]
    return names[0] if names and "{base_url}" not in row["base_url"] else ""


# --- Behaviour -------------------------------------------------------------------------------


def _quirks(facts: Facts) -> Row:
    params, found = facts["params"], {}
    if params.get("max_tokens_field") in ("max_tokens", "max_completion_tokens"):
        found["max_tokens_field"] = params["max_tokens_field"]
    # Whoever tells the usage unasked may refuse to be asked.
    unasked = facts["stream"]["usage"].split()[0] in ("final_chunk", "every_chunk", "none")
    if unasked or "stream_options" in params.get("unsupported", []):
        found["include_usage"] = False
    names = [
        name for name in params.get("unsupported", []) if name not in _NEEDS and "." not in name
    ]
    if names:
        found["unsupported"] = names
    return found


# What a model cannot do is said of the model, and asked of another one: not left out.
_NEEDS = {"tools", "tool_choice", "response_format", "stream_options", "audio"}


def lacks(facts: Facts) -> dict[str, bool]:
    """Capabilities that none of its models has."""
    unsupported = facts["params"].get("unsupported", [])
    told = {"tools": "tools", "response_format": "schema", "audio": "audio"}
    return {ours: False for theirs, ours in told.items() if theirs in unsupported}


def _terms(told: Facts) -> Row | None:
    if told["level"] == "none":
        return None
    return {
        "level": told["level"],
        "summary": told["summary"],
        "source": told.get("source") or "",
    }


def _oauth(facts: Facts) -> Row:
    """As it is told, but for the id and the secret: those are the operator's to supply."""
    told = signing_in.changed(facts["id"], facts.get("oauth") or {})
    return {
        name: value
        for name, value in told.items()
        if name not in ("client_id", "client_secret") and value not in (None, "", [], {})
    }


def is_served(row: Row) -> bool:
    return bool(served.kinds(row["format"] or "", row["endpoints"]))
