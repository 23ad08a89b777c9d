"""The list of models, as each format's providers give it, and what the import makes of it."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from accounts.models import GatewaySettings
from omniroute import http
from providers import listing
from providers.models import Connection, ProviderModel
from tests.factories import ConnectionFactory, ProviderFactory, ProviderModelFactory

pytestmark = pytest.mark.django_db


class Asked(list[tuple[str, dict[str, str]]]):
    """What left: addresses and headers. `answers` come in turn."""

    answers: list[Any]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    made = Asked()

    def get(url: str, headers: dict[str, str], **_: Any) -> tuple[int, bytes]:
        made.append((url, headers))
        return 200, json.dumps(made.answers[len(made) - 1]).encode()

    monkeypatch.setattr(http, "get", get)
    return made


@dataclass(frozen=True)
class Case:
    id: str
    provider: dict[str, Any]
    answers: list[Any]
    urls: list[str]
    names: list[str]
    params: dict[str, str] = field(default_factory=dict)


CASES = [
    Case(
        "openai", {"base_url": "https://acme.example/v1"},
        [{"object": "list", "data": [{"id": "m1"}, {"id": "m2"}]}],
        ["https://acme.example/v1/models"], ["m1", "m2"],
    ),
    Case(
        "a bare list", {"base_url": "https://acme.example/v1/"},
        [[{"id": "m1"}]], ["https://acme.example/v1/models"], ["m1"],
    ),
    Case(
        "anthropic, in pages",
        {"format": "anthropic_messages", "base_url": "https://acme.example/v1"},
        [
            {"data": [{"id": "a"}], "has_more": True, "last_id": "a"},
            {"data": [{"id": "b"}], "has_more": False, "last_id": "b"},
        ],
        ["https://acme.example/v1/models?limit=1000",
         "https://acme.example/v1/models?limit=1000&after_id=a"],
        ["a", "b"],
    ),
    Case(
        "gemini, in pages", {"format": "gemini", "base_url": "https://acme.example/v1beta"},
        [{"models": [{"name": "models/g"}], "nextPageToken": "x y"}, {"models": []}],
        ["https://acme.example/v1beta/models?pageSize=1000",
         "https://acme.example/v1beta/models?pageSize=1000&pageToken=x+y"],
        ["g"],
    ),
    Case(
        "cohere", {"format": "cohere_chat", "base_url": "https://acme.example"},
        [{"models": [{"name": "command"}], "next_page_token": ""}],
        ["https://acme.example/v1/models?page_size=1000"], ["command"],
    ),
    Case(
        "ollama", {"format": "ollama_chat", "base_url": "https://acme.example"},
        [{"models": [{"name": "llama3:8b", "size": 1}]}],
        ["https://acme.example/api/tags"], ["llama3:8b"],
    ),
    Case(
        "with parameters and a query",
        {"base_url": "https://{resource}.acme.example/v1?api-version={api_version}"},
        [{"data": []}], ["https://mine.acme.example/v1/models?api-version=2024-10-21"], [],
        {"resource": "mine", "api_version": "2024-10-21"},
    ),
    Case(
        "where the row has it",
        {"base_url": "https://acme.example/v1",
         "endpoints": [{"kind": "models", "dialect": "databricks", "base": "openai_chat",
                        "path": "https://acme.example/api/2.0/{host}"}]},
        [{"endpoints": [{"name": "e1"}]}], ["https://acme.example/api/2.0/h"], ["e1"], {"host": "h"},
    ),
    Case(
        "but never at another host, which would get the key",
        {"base_url": "https://acme.example/v1",
         "endpoints": [{"kind": "models", "dialect": "openai_chat", "base": "openai_chat",
                        "path": "https://other.example/models"}]},
        [{"data": [{"id": "m"}]}], ["https://acme.example/v1/models"], ["m"],
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_models_are_listed(case: Case, asked: Asked) -> None:
    asked.answers = case.answers
    row = ConnectionFactory(
        provider=ProviderFactory(**case.provider), api_key="sk-1", params=case.params
    )
    assert listing.models(row) == case.names
    assert [url for url, _ in asked] == case.urls
    assert all("sk-1" in " ".join(headers.values()) for _, headers in asked)


@pytest.mark.parametrize("answer", [{}, {"data": "x"}, {"data": [1]}, {"data": [{"id": ""}]}, "x"])
def test_what_is_no_list_is_told(asked: Asked, answer: Any) -> None:
    asked.answers = [answer]
    with pytest.raises(listing.ListFailed, match="no list of models"):
        listing.models(ConnectionFactory(api_key="k"))


def test_names_that_no_table_holds_are_left_out(asked: Asked) -> None:
    asked.answers = [
        {"data": [{"id": "a\0b"}, {"id": "\ud800"}, {"id": "m\r\nx: 1"}, {"id": "m1"}]}
    ]
    assert listing.models(ConnectionFactory()) == ["m1"]


def test_what_is_new_is_imported_without_a_price_and_once(asked: Asked) -> None:
    row: Connection = ConnectionFactory(api_key="k", provider=ProviderFactory(builtin=True))
    ProviderModelFactory(provider=row.provider, name="m1", input_price=3)
    ProviderModelFactory(name="embedder", kind="embedding")  # another provider's
    asked.answers = [{"data": [{"id": name} for name in ("m1", "m2", "embedder")]}] * 2
    before = GatewaySettings.load().version
    assert listing.import_models(row) == ["m2", "embedder"]
    assert listing.import_models(row) == []
    made = {m.name: m for m in ProviderModel.objects.filter(provider=row.provider)}
    assert (made["m2"].kind, made["m2"].input_price, made["m2"].customised) == ("chat", None, True)
    assert made["embedder"].kind == "embedding"
    assert made["m1"].input_price == 3
    assert GatewaySettings.load().version > before
