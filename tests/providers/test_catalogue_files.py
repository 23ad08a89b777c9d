"""What the shipped files say: of every provider, that it can be right; of some, that it is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from msgspec import convert, structs

from gateway import formats
from gateway.formats.types import Quirks
from omniroute.addresses import check_base_url
from providers import placeholders, rows, served
from providers.models import CAPABILITIES, Provider
from providers.rows import ModelRow, ProviderRow

ROWS = rows.read()
BY_ID = {row.id: row for row in ROWS}
MODELS = {f"{row.id}/{model.name}": model for row in ROWS for model in row.models}


def chats() -> Iterator[tuple[ProviderRow, ModelRow]]:
    for row in ROWS:
        yield from ((row, model) for model in row.models if model.kind == "chat")


def kinds(row: ProviderRow) -> list[str]:
    return served.kinds(row.format or "", [structs.asdict(each) for each in row.endpoints])


def test_every_format_of_ours_is_served_for_chat() -> None:
    assert set(served.DIALECTS["chat"]) == set(formats.FORMATS) == set(Provider.Format.values)


def test_quirks_are_ones_that_the_formats_know() -> None:
    for row in ROWS:
        convert(row.quirks, Quirks)
    for row, model in chats():
        convert(row.quirks | model.quirks, Quirks)


def test_capabilities_are_ones_that_requests_are_read_for() -> None:
    assert {name for _, model in chats() for name in model.capabilities} <= set(CAPABILITIES)


def test_reading_a_cache_costs_no_more_than_reading_anew() -> None:
    odd = [
        f"{row.id}/{model.name}"
        for row, model in chats()
        if model.cache_read is not None
        and model.input is not None
        and model.cache_read > model.input
    ]
    assert odd == []


def test_at_mantle_every_model_is_asked_where_it_answers() -> None:
    row = BY_ID["bedrock-mantle"]
    asked = {model.name: model.format for model in row.models}
    assert all(format for format in asked.values())
    assert asked["anthropic.claude-opus-5-5"] == Provider.Format.ANTHROPIC_MESSAGES
    assert asked["openai.gpt-6-sol"] == Provider.Format.OPENAI_RESPONSES
    assert asked["openai.gpt-oss-120b"] == Provider.Format.OPENAI_CHAT
    host = "https://bedrock-mantle.{region}.api.aws"
    assert row.other_formats == {
        Provider.Format.OPENAI_RESPONSES: f"{host}/openai/v1",
        Provider.Format.ANTHROPIC_MESSAGES: f"{host}/anthropic/v1",
    }


@pytest.mark.parametrize("id", ["vertex", "vertex-partner"])
@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("us-central1", "us-central1-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_vertex_is_asked_at_the_host_of_the_place(id: str, location: str, host: str) -> None:
    url = placeholders.fill(BY_ID[id].base_url, {"location": location, "project": "p-1"})
    assert url.startswith(f"https://{host}/v1/projects/p-1/locations/{location}/")


def test_what_is_no_fact_of_the_sources_is_said_by_hand() -> None:
    """Or it would be gone when the files are written anew."""
    folder = Path(__file__).parents[2] / "tools/catalogue/hand"
    said = {
        path.stem
        for path in folder.glob("*.yaml")
        if yaml.safe_load(path.read_text()).get("discovery") is False
    }
    assert said == {row.id for row in ROWS if not row.discovery}


def test_a_tier_is_no_cheaper_than_what_is_below_it() -> None:
    for name, model in MODELS.items():
        for tier in model.tiers:
            if tier.input is not None and model.input is not None:
                assert tier.input >= model.input, name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_what_leaves_the_machine_is_a_public_https_address_with_its_sources(
    row: ProviderRow,
) -> None:
    if row.id == "demo":
        return
    assert row.checked
    assert row.sources
    assert row.docs_url
    for url in filter(None, (row.base_url, *row.other_formats.values(), *row.other_bases.values())):
        address = re.sub(r"\{\w+\}", "any", url.replace("{base_url}", "https://any.example/v1"))
        check_base_url(address, allow_private=row.local)
        assert address.startswith("https://") or row.local


def test_a_variable_makes_a_connection_of_one_provider_that_needs_no_more_than_a_key() -> None:
    named = [row for row in ROWS if row.env_var]
    assert len({row.env_var for row in named}) == len(named) > 80
    for row in named:
        assert "api_key" in row.auth, row.id
        assert not any(param.required for param in row.params), row.id
        assert row.status == "active", row.id


def test_no_client_of_anybodys_is_named_in_a_file() -> None:
    for row in ROWS:
        assert not {"client_id", "client_secret"} & set(row.oauth), row.id


def test_the_restricted_say_what_their_vendor_thinks_of_it() -> None:
    restricted = {row.id: row for row in ROWS if row.status == "restricted"}
    assert set(restricted) == {"claude", "gemini-cli", "antigravity", "kiro", "cursor"}
    for row in restricted.values():
        assert row.terms
        assert row.terms.level == "high"


def test_the_retired_are_there_to_say_so() -> None:
    assert {row.id for row in ROWS if row.status == "retired"} == {
        "github-models", "iflow", "lambda-ai", "meta-llama", "playht", "qwen",
    }  # fmt: skip


def test_providers_of_a_dialect_that_we_lack_cannot_be_chosen() -> None:
    for id in ("kiro", "cursor", "oci", "watsonx", "nanobanana", "gemini-cli", "antigravity"):
        assert kinds(BY_ID[id]) == [], id


def test_most_can_be_asked_for_chat() -> None:
    assert sum("chat" in kinds(row) for row in ROWS) >= 130


def test_most_models_have_a_price_and_none_of_the_others_is_free() -> None:
    priced = [m for m in MODELS.values() if m.input is not None or m.media]
    assert len(priced) > 0.9 * len(MODELS)
    assert MODELS["demo/echo"].input == MODELS["demo/echo"].output == 0


def test_models_that_chat_completions_does_not_serve_say_so() -> None:
    elsewhere = [
        m for name, m in MODELS.items() if re.match(r"openai/gpt-5.*-pro|openai/o3-pro", name)
    ]
    assert len(elsewhere) >= 8
    assert {model.format for model in elsewhere} == {Provider.Format.OPENAI_RESPONSES}


# What was checked by hand, at the vendor's.
@pytest.mark.parametrize(
    ("name", "quirks"),
    [
        ("openai/gpt-5", {"efforts": ["minimal", "low", "medium", "high"]}),
        ("openai/gpt-5.1", {"efforts": ["none", "low", "medium", "high"]}),
        ("anthropic/claude-opus-4-7", {"reasoning": "adaptive"}),
        ("anthropic/claude-sonnet-5", {"unsupported": ["temperature", "top_p", "top_k"]}),
    ],
)
def test_quirks_that_were_checked_by_hand_are_kept(name: str, quirks: dict[str, object]) -> None:
    assert quirks.items() <= MODELS[name].quirks.items()


def test_a_client_of_anthropics_format_is_not_asked_to_speak_openais() -> None:
    """On top of another format, OpenAI's says less than the one below it."""
    for id in ("anthropic", "gemini", "cohere", "bedrock", "ollama-local"):
        assert Provider.Format.OPENAI_CHAT not in BY_ID[id].other_formats, id
