"""Models that providers list: added and marked by the clock, and nobody else's rows touched."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import GatewaySettings
from gateway import directory, names, snapshot
from omniroute import http
from omniroute.configuration import export
from providers import catalogue, discovery, offers, rows, tasks
from providers.discovery import Difference
from providers.models import LoadedCatalogue, ModelList, Provider, ProviderModel
from providers.offers import Offer
from tests.factories import ConnectionFactory, ProviderFactory, ProviderModelFactory
from tests.gateway.configured import ANYONE

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


@dataclass
class Vendor:
    """What answers: its models by the key that asks; who is not there is refused."""

    lists: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def get(self, url: str, headers: dict[str, str], **_: Any) -> tuple[int, bytes]:
        key = headers["authorization"].removeprefix("Bearer ")
        self.asked.append(key)
        if key not in self.lists:
            return 401, b"{}"
        return 200, json.dumps({"data": [{"id": name} for name in self.lists[key]]}).encode()


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Vendor:
    made = Vendor()
    monkeypatch.setattr(http, "get", made.get)
    return made


def acme(*keys: str, **fields: Any) -> Provider:
    row: Provider = ProviderFactory(slug="acme", **fields)
    for place, key in enumerate(keys):
        ConnectionFactory(provider=row, name=f"acme-{key}", api_key=key, priority=place)
    return row


def told(*names: str) -> list[Offer]:
    return [Offer(name) for name in names]


def state(provider: Provider) -> dict[str, tuple[str, bool]]:
    return {
        row.name: (row.origin, row.vanished_on is None)
        for row in provider.offered_models.select_related("provider")
    }


# --- What becomes of a list --------------------------------------------------------------------


def test_what_is_new_is_added_without_a_price() -> None:
    row = acme()
    ProviderModelFactory(name="vectors", kind="embedding")  # another provider's
    offered = [
        Offer("m1", context_window=8000),
        Offer("vectors"),
        Offer("whisper", "transcription"),
    ]
    assert discovery.take_over(row, offered, NOON) == Difference(new=("m1", "vectors", "whisper"))
    made = {model.name: model for model in row.offered_models.all()}
    assert {name: model.kind for name, model in made.items()} == {
        "m1": "chat", "vectors": "embedding", "whisper": "transcription",
    }  # fmt: skip
    assert (made["m1"].context_window, made["m1"].input_price) == (8000, None)
    assert made["m1"].discovered_on == NOON.date()


def test_twice_the_same_list_changes_nothing() -> None:
    row = acme()
    discovery.take_over(row, told("m1"), NOON)
    version = GatewaySettings.load().version
    assert discovery.take_over(row, told("m1"), NOON + timedelta(days=1)) == Difference()
    assert GatewaySettings.load().version == version


def test_what_a_list_has_no_more_is_marked_until_it_is_back() -> None:
    row = acme()
    discovery.take_over(row, told("m1", "m2"), NOON)
    assert discovery.take_over(row, told("m1"), NOON).gone == ("m2",)
    assert state(row) == {"m1": ("discovery", True), "m2": ("discovery", False)}
    assert discovery.take_over(row, told("m1", "m2"), NOON).back == ("m2",)
    assert state(row)["m2"] == ("discovery", True)


def test_rows_of_the_catalogue_and_of_operators_stay_as_they_are() -> None:
    row = acme(builtin=True)
    ProviderModelFactory(provider=row, name="shipped", input_price=3)
    ProviderModelFactory(provider=row, name="own", customised=True)
    assert not discovery.take_over(row, told("shipped"), NOON)
    assert state(row) == {"shipped": ("catalogue", True), "own": ("operator", True)}


def test_a_list_of_nothing_says_nothing() -> None:
    row = acme()
    discovery.take_over(row, told("m1"), NOON)
    assert not discovery.take_over(row, [], NOON)
    assert state(row) == {"m1": ("discovery", True)}


def test_a_change_is_heard_of_by_every_process() -> None:
    row = acme("k")
    before = GatewaySettings.load().version
    discovery.take_over(row, told("m1"), NOON)
    assert GatewaySettings.load().version > before
    assert "acme/m1" in directory.of(snapshot.build()).entries


def test_what_vanished_is_offered_no_more_and_answers_by_its_name() -> None:
    row = acme("k", passthrough=False)
    discovery.take_over(row, told("m1", "m2"), NOON)
    discovery.take_over(row, told("m2"), NOON)
    configured = snapshot.build()
    assert "acme/m1" not in directory.of(configured).entries
    assert names.find(configured, ANYONE, "acme/m1", "chat").to == "acme/m1"


def test_discovered_rows_are_no_configuration_of_the_operators() -> None:
    row = acme()
    discovery.take_over(row, told("m1"), NOON)
    assert "models" not in export.document()
    model = row.offered_models.get()
    model.adopt()
    model.save()
    assert [each["id"] for each in export.document()["models"]] == ["acme/m1"]


def test_the_catalogue_leaves_them_alone_and_takes_over_what_it_comes_to_know() -> None:
    catalogue.load()
    row = Provider.objects.get(slug="openai")
    known = row.offered_models.get(name="gpt-4o")
    ProviderModel.objects.filter(pk=known.pk).update(discovered_on=NOON.date(), input_price=None)
    discovery.take_over(row, told("gpt-4o", "brand-new"), NOON)
    LoadedCatalogue.objects.update(digest="")
    catalogue.load()
    assert row.offered_models.get(name="brand-new").active
    known = row.offered_models.get(name="gpt-4o")
    assert (known.origin, known.input_price is None) == ("catalogue", False)


# --- Who is asked ------------------------------------------------------------------------------


def due(now: datetime) -> list[str]:
    return [Provider.objects.get(pk=pk).slug for pk in discovery.claim_due(now)]


def test_each_is_asked_once_in_its_time_whoever_looks() -> None:
    acme("k")
    assert due(NOON) == []  # it has a turn of its own, so that not all are asked at the start
    first = ModelList.objects.get().due
    assert NOON <= first <= NOON + discovery.EVERY * discovery.SPREAD
    assert due(first) == ["acme"]
    assert due(first) == []
    following = ModelList.objects.get().due - first
    assert 0.8 * discovery.EVERY <= following <= 1.2 * discovery.EVERY


@pytest.mark.parametrize(
    "fields",
    [
        {"discovery": False},
        {"discovery_default": False},
        {"builtin": True},  # and no address of a list
        {"status": "retired"},
    ],
    ids=["switched off", "usually not", "without a list", "retired"],
)
def test_some_are_not_asked(fields: dict[str, Any], vendor: Vendor) -> None:
    row = acme("k", **fields)
    ModelList.objects.create(provider=row, due=NOON)
    assert due(NOON) == []
    discovery.discover(row.pk)  # whose task was sent before it was switched off
    assert vendor.asked == []


def test_an_operator_has_the_last_word() -> None:
    row = acme("k", discovery=True, discovery_default=False)
    ModelList.objects.create(provider=row, due=NOON)
    assert due(NOON) == ["acme"]


def test_without_an_active_connection_nobody_can_be_asked() -> None:
    row = acme()
    ConnectionFactory(provider=row, active=False)
    ModelList.objects.create(provider=row, due=NOON)
    assert due(NOON) == []


def test_lists_of_what_cannot_be_called_are_left_alone() -> None:
    off = {row.id for row in rows.read() if not row.discovery}
    assert off == {"azure-openai", "bedrock", "bedrock-mantle", "replicate"}


# --- Asking ------------------------------------------------------------------------------------


def test_the_first_account_that_is_answered_tells(vendor: Vendor) -> None:
    row = acme("refused", "good", "unasked")
    vendor.lists = {"good": ["m1"], "unasked": ["m2"]}
    ModelList.objects.create(provider=row, due=NOON)
    discovery.discover(row.pk)
    assert vendor.asked == ["refused", "good"]
    assert state(row) == {"m1": ("discovery", True)}
    told = ModelList.objects.get()
    assert (told.listed, told.problem) == (1, "")
    assert told.words.endswith("UTC: 1 model")


def test_who_does_not_answer_is_asked_again_sooner_and_loses_nothing(vendor: Vendor) -> None:
    row = acme("refused")
    discovery.take_over(row, told("m1"), NOON)
    discovery.discover(row.pk)
    assert state(row) == {"m1": ("discovery", True)}
    result = ModelList.objects.get()
    assert result.problem == "acme-refused: the key was refused (401)"
    assert result.asked is not None
    assert result.due - result.asked == discovery.AFTER_FAILURE


def test_beat_sends_a_task_for_each(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    row = acme("k")
    vendor.lists = {"k": ["m1"]}
    ModelList.objects.create(provider=row, due=NOON)
    monkeypatch.setattr(tasks.discover_models_of, "delay", tasks.discover_models_of)
    for _ in range(2):
        tasks.discover_models()
    assert vendor.asked == ["k"]
    assert state(row) == {"m1": ("discovery", True)}


# --- What lists say ----------------------------------------------------------------------------

ROWS: list[tuple[dict[str, Any], Offer]] = [
    ({"id": "m"}, Offer("m")),
    ({"id": "a/m", "context_length": 8000}, Offer("a/m", None, 8000)),
    ({"id": "m", "max_model_len": 4096}, Offer("m", None, 4096)),
    ({"id": "m", "context_window": True, "max_completion_tokens": -1}, Offer("m")),
    ({"id": "m", "context_window": 10**12}, Offer("m")),
    ({"id": "m", "type": "embedding"}, Offer("m", "embedding")),
    ({"id": "m", "endpoints": ["rerank"]}, Offer("m", "rerank")),
    (
        {"id": "m", "supportedGenerationMethods": ["embedContent"], "inputTokenLimit": 2048},
        Offer("m", "embedding", 2048),
    ),
    ({"id": "m", "type": ["x", 1], "endpoints": None}, Offer("m")),
    ({"id": "text-embedding-9"}, Offer("text-embedding-9", "embedding")),
    ({"id": "BAAI/bge-reranker-v3"}, Offer("BAAI/bge-reranker-v3", "rerank")),
    ({"id": "gpt-image-3"}, Offer("gpt-image-3", "image")),
    ({"id": "whisper-large-v4"}, Offer("whisper-large-v4", "transcription")),
    ({"id": "gpt-audio-2"}, Offer("gpt-audio-2")),
]


@pytest.mark.parametrize(("row", "expect"), ROWS, ids=lambda told: str(told)[:60])
def test_what_a_list_says_of_a_model(row: dict[str, Any], expect: Offer) -> None:
    assert offers.read(row, row["id"]) == expect
