"""Kinds of model as they are configured: in a file, through the API and in Admin."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from combos.models import Combo, ComboTarget, check_kinds
from gateway import routing, snapshot
from gateway.endpoints import Endpoint
from gateway.errors import BadRequest
from gateway.formats.kinds import KINDS
from omniroute.configuration import export
from omniroute.configuration.apply import apply, read
from omniroute.configuration.errors import ConfigurationError
from providers.connections import require_key_for_new_place
from providers.endpoints import FORMATS
from providers.models import Kind, Provider
from tests.factories import (
    ComboFactory,
    ConnectionFactory,
    ProviderFactory,
    ProviderModelFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

PROVIDER = "{id: mine, alias: mine, base_url: 'https://models.example/v1'"
DOCUMENT = f"""
providers:
  - {PROVIDER}, other_kinds: {{embedding: {{format: voyage_embeddings, path: /embed}}}}}}
models:
  - {{id: mine/chat}}
  - {{id: mine/vectors, kind: embedding, input_price: 0.02, media_prices: {{per_request: 0.001}}}}
combos:
  - {{name: near, targets: [{{model: mine/vectors}}, {{model: mine/unheard-of}}]}}
"""


def test_kinds_and_endpoints_apply_and_are_exported_again() -> None:
    apply(read(DOCUMENT))
    told = export.document()
    assert told["providers"][0]["other_kinds"] == {
        "embedding": {"format": "voyage_embeddings", "path": "/embed"}
    }
    assert [model.get("kind") for model in told["models"]] == [None, "embedding"]
    assert told["models"][1]["media_prices"] == {"per_request": 0.001}
    assert not any(change.fields or change.created for change in apply(read(DOCUMENT)))


WRONG = [
    (
        "models",
        DOCUMENT.replace("kind: embedding", "kind: telepathy"),
        "models[1].kind",
    ),
    (
        "a kind",
        DOCUMENT.replace("{embedding: {format", "{telepathy: {format"),
        "providers[0].other_kinds",
    ),
    ("a format", DOCUMENT.replace("voyage_embeddings", "openai_chat"), "providers[0].other_kinds"),
    ("a path", DOCUMENT.replace("path: /embed", "path: embed"), "providers[0].other_kinds"),
    ("a field", DOCUMENT.replace("path: /embed", "dialect: x"), "providers[0].other_kinds"),
    (
        "an address",
        DOCUMENT.replace("path: /embed", "base_url: 'http://127.0.0.1/'"),
        "providers[0].other_kinds",
    ),
    ("a price", DOCUMENT.replace("per_request", "per_thought"), "models[1].media_prices"),
    (
        "a combo",
        DOCUMENT.replace("mine/unheard-of", "mine/chat"),
        "combos[0].targets",
    ),
]


@pytest.mark.parametrize(("what", "text", "path"), WRONG, ids=[case[0] for case in WRONG])
def test_an_error_names_its_place(what: str, text: str, path: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        apply(read(text))
    assert refusal.value.problems[0][0] == path


def test_a_stored_key_is_not_sent_to_another_host_by_an_endpoint() -> None:
    provider = ProviderFactory(slug="mine", alias="mine")
    ConnectionFactory(provider=provider, api_key="sk-stored")
    elsewhere = "{embedding: {base_url: 'https://elsewhere.example/v1'}}"
    with pytest.raises(ConfigurationError, match=r"other_kinds: .*was not given for elsewhere"):
        apply(read(f"providers: [{PROVIDER}, other_kinds: {elsewhere}}}]"))
    same = "{embedding: {base_url: 'https://models.example/v2'}}"
    apply(read(f"providers: [{PROVIDER}, other_kinds: {same}}}]"))


def test_nor_by_another_provider_whose_addresses_are_of_other_kinds_alone() -> None:
    here, there = (
        ProviderFactory(slug=slug, format="", base_url="", other_bases={"fal": url})
        for slug, url in (("here", "https://a.example"), ("there", "https://b.example"))
    )
    row = ConnectionFactory(provider=here, api_key="sk-stored")
    require_key_for_new_place(row, here, "", {}, "", has_key=False)
    require_key_for_new_place(row, there, "", {}, "", has_key=True)
    with pytest.raises(ValidationError, match="needs its API key entered again"):
        require_key_for_new_place(row, there, "", {}, "", has_key=False)


# --- Combos ----------------------------------------------------------------------------------


@pytest.fixture
def models() -> dict[str, str]:
    """By kind; and one of which nobody has said what it is."""
    provider = ProviderFactory(slug="p", alias="p")
    for kind in Kind:
        ProviderModelFactory(provider=provider, name=kind.value, kind=kind)
    return {kind.value: f"p/{kind.value}" for kind in Kind} | {"": "p/unheard-of"}


def test_targets_of_several_kinds_are_refused(models: dict[str, str]) -> None:
    combo = ComboFactory()
    check_kinds(combo, [models["embedding"], models[""]], [])
    with pytest.raises(ValidationError, match="p/embedding is of the kind embedding, p/chat"):
        check_kinds(combo, [models["embedding"], models["chat"]], [])


def test_so_are_those_of_combos_below_and_above(models: dict[str, str]) -> None:
    inner = ComboFactory(targets=[models["embedding"]])
    middle = ComboFactory()
    with pytest.raises(ValidationError, match="of one kind"):
        check_kinds(middle, [models["chat"]], [inner])
    ComboTarget.objects.create(combo=middle, nested=inner)
    outer = ComboFactory(targets=[models["embedding"]])
    ComboTarget.objects.create(combo=outer, nested=middle)
    with pytest.raises(ValidationError, match="of one kind"):
        check_kinds(inner, [models["chat"]], [])
    check_kinds(inner, [models["embedding"]], [])


def _posted(*targets: str) -> dict[str, Any]:
    form: dict[str, Any] = {
        "name": "mixed", "strategy": "fill-first", "tier_strategy": "fill-first", "sticky": 1,
        "active": "on", "targets-TOTAL_FORMS": len(targets), "targets-INITIAL_FORMS": 0,
    }  # fmt: skip
    for at, model in enumerate(targets):
        form |= {f"targets-{at}-model": model, f"targets-{at}-weight": 1}
        form[f"targets-{at}-position"] = at
    return form


def test_admin_refuses_a_combo_of_several_kinds(models: dict[str, str], client: Client) -> None:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    page = reverse("admin:combos_combo_add")
    refused = client.post(page, _posted(models["embedding"], models["chat"]))
    assert refused.status_code == 200
    assert "of one kind of model" in refused.content.decode()
    assert client.post(page, _posted(models["embedding"])).status_code == 302
    assert Combo.objects.get(name="mixed").targets.count() == 1


# --- The snapshot ----------------------------------------------------------------------------


def _endpoint(alias: str, kind: str = "embedding") -> Endpoint | None:
    return snapshot.build().providers[alias].endpoints.get(kind)


def test_an_endpoint_follows_from_the_format_or_is_what_the_row_says() -> None:
    ProviderFactory(slug="plain")
    ProviderFactory(slug="other", format="anthropic_messages")
    ProviderFactory(
        slug="both",
        format="anthropic_messages",
        other_formats={"openai_chat": "https://models.example/openai"},
    )
    ProviderFactory(
        slug="told",
        format="anthropic_messages",
        other_kinds={"embedding": {"path": "/e", "base_url": "https://e.example/v1/"}},
    )
    assert _endpoint("plain") == Endpoint("openai_embeddings", "openai_chat")
    assert _endpoint("other") is None
    assert _endpoint("both") == Endpoint("openai_embeddings", "openai_chat")
    assert _endpoint("told") == Endpoint(
        "openai_embeddings", "anthropic_messages", "https://e.example/v1", "/e"
    )


def test_what_the_catalogue_says_goes_before_what_a_format_implies() -> None:
    row = {"kind": "embedding", "dialect": "voyage", "base": "voyage", "path": "/embeddings"}
    whole = {"kind": "rerank", "dialect": "nvidia_ranking", "base": "openai_chat"}
    ProviderFactory(
        slug="known",
        other_bases={"voyage": "https://vectors.example/v1"},
        endpoints=[row, whole | {"path": "https://ranks.example/v1/{model}/reranking"}],
    )
    assert _endpoint("known") == Endpoint(
        "voyage_embeddings", "openai_chat", "https://vectors.example/v1", "/embeddings"
    )
    assert _endpoint("known", "rerank") == Endpoint(
        "nvidia_rerank", "openai_chat", "https://ranks.example", "/v1/{model}/reranking"
    )
    assert _endpoint("known", "speech") is None


@pytest.mark.parametrize(
    ("kind", "told", "priced"),
    [
        ("chat", {"input_price": 1}, False),
        ("chat", {"input_price": 1, "output_price": 0}, True),
        ("embedding", {"input_price": 1}, True),
        ("embedding", {"media_prices": {"per_request": 1}}, True),
        ("embedding", {}, False),
    ],
)
def test_a_model_is_priced_by_what_its_kind_is_paid_for(
    kind: str, told: dict[str, Any], priced: bool
) -> None:
    provider = ProviderFactory(slug="mine")
    ProviderModelFactory(provider=provider, name="m", kind=kind, **told)
    assert (snapshot.build().providers["mine"].models["m"].prices is not None) is priced


def test_what_can_be_configured_is_what_there_is_code_for() -> None:
    assert set(FORMATS) == set(KINDS) == set(Kind.values) - {"chat"}
    for name, kind in KINDS.items():
        spoken = set(kind.upstreams).difference(*kind.also.values())
        assert set(FORMATS[name]) == spoken
        assert kind.default in spoken
        assert set(kind.usual) <= set(Provider.Format.values)
        assert set(kind.usual.values()) <= spoken


def test_a_provider_that_answers_no_chat_is_called_for_what_it_does() -> None:
    provider = ProviderFactory(
        slug="mute", format="", other_kinds={"speech": {"format": "deepgram_speech"}}
    )
    ConnectionFactory(provider=provider, auth_type="none")
    built = snapshot.build()
    route = routing.resolve(built, built.anyone, "mute/aura", "openai_speech")
    assert str(route.targets[0].url) == "https://models.example/v1/speak"
    with pytest.raises(BadRequest, match="mute/aura: its provider has no address for a chat model"):
        routing.resolve(built, built.anyone, "mute/aura", "openai_chat")


def test_an_account_elsewhere_is_asked_there_for_every_kind() -> None:
    provider = ProviderFactory(
        slug="far",
        other_kinds={"speech": {"base_url": "https://speech.example/v2", "path": "/{model}/s"}},
    )
    ConnectionFactory(provider=provider, name="a", auth_type="none")
    ConnectionFactory(
        provider=provider, name="b", auth_type="none", base_url="https://own.example/v1"
    )
    built = snapshot.build()
    route = routing.resolve(built, built.anyone, "far/org/m", "openai_speech")
    assert {target.connection.name: str(target.url) for target in route.targets} == {
        "a": "https://speech.example/v2/org/m/s",
        "b": "https://own.example/v1/org/m/s",
    }
