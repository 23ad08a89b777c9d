"""The built-in providers: what the files say, and what loading them does to the database."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import convert

from accounts.models import GatewaySettings
from gateway import snapshot
from gateway.formats.types import Quirks
from omniroute.addresses import check_base_url
from providers import catalogue
from providers.models import Connection, Provider, ProviderModel

ACME: dict[str, Any] = {
    "id": "acme",
    "alias": "ac",
    "name": "Acme",
    "format": "openai_chat",
    "base_url": "https://api.acme.example/v1",
    "tier": "api_key",
    "passthrough": False,
    "env_var": "ACME_API_KEY",
    "models": [
        {"name": "small", "context_window": 1000, "input": 0.1, "output": 0.4},
        {"name": "large", "input": 12.5, "output": 25},
    ],
}


def write(folder: Path, **changes: Any) -> Path:
    """`folder` with Acme's file in it, as it is but for `changes`."""
    (folder / "acme.yaml").write_text(yaml.safe_dump(ACME | changes))
    return folder


def version() -> int:
    return GatewaySettings.objects.get(pk=1).version


# --- The files -------------------------------------------------------------------------------


@pytest.mark.parametrize("row", catalogue.read(), ids=lambda row: row.id)
class TestFile:
    def test_quirks_are_ones_that_the_formats_know(self, row: catalogue.ProviderRow) -> None:
        convert(row.quirks, Quirks)

    def test_every_model_is_priced(self, row: catalogue.ProviderRow) -> None:
        assert row.models
        assert [m.name for m in row.models if m.input is None or m.output is None] == []

    def test_reading_a_cache_costs_no_more_than_reading_anew(
        self, row: catalogue.ProviderRow
    ) -> None:
        for model in row.models:
            if model.cache_read is not None and model.input is not None:
                assert model.cache_read <= model.input, model.name

    def test_what_leaves_the_machine_is_a_public_https_address_with_its_sources(
        self, row: catalogue.ProviderRow
    ) -> None:
        if row.id == "demo":
            return
        assert row.base_url.startswith("https://")
        check_base_url(row.base_url, allow_private=False)
        assert row.checked is not None
        assert row.sources
        assert row.env_var
        assert row.docs_url


def test_three_providers_are_built_in() -> None:
    assert {row.id: row.format.value for row in catalogue.read()} == {
        "anthropic": "anthropic_messages",
        "demo": "openai_chat",
        "openai": "openai_chat",
    }


def test_models_that_other_endpoints_answer_are_left_out() -> None:
    names = {model.name for row in catalogue.read() for model in row.models}
    kinds = ("audio", "embedding", "image", "tts", "whisper", "deep-research")
    assert [name for name in names if any(kind in name for kind in kinds)] == []


def test_models_that_chat_completions_does_not_serve_say_so() -> None:
    models = {model.name: model for row in catalogue.read() for model in row.models}
    elsewhere = [model for name, model in models.items() if "-pro" in name or "3-codex" in name]
    assert elsewhere
    assert {model.format for model in elsewhere if model.name != "gpt-5.3-codex-spark"} == {
        Provider.Format.OPENAI_RESPONSES
    }


def test_quirks_of_models_are_ones_that_the_formats_know() -> None:
    for row in catalogue.read():
        for model in row.models:
            convert(row.quirks | model.quirks, Quirks)


# --- A file that is wrong --------------------------------------------------------------------


@dataclass(frozen=True)
class Bad:
    id: str
    text: str
    message: str


def changed(**changes: Any) -> str:
    return str(yaml.safe_dump(ACME | changes))


BAD = [
    Bad("no YAML at all", "id: [", "acme.yaml: while parsing"),
    Bad("an empty file", "", "acme.yaml: Expected `object`, got `null`"),
    Bad("an unknown field", changed(colour="red"), "acme.yaml: Object contains unknown field"),
    Bad("an unknown format", changed(format="telex"), "acme.yaml: format: Invalid enum value"),
    Bad("an unknown tier", changed(tier="golden"), "acme.yaml: tier: Invalid enum value"),
    Bad("an unknown kind of sign-in", changed(auth="magic"), "acme.yaml: auth: Invalid enum"),
    Bad("an id that is empty", changed(id=""), "acme.yaml: id: Expected `str` of length >= 1"),
    Bad(
        "a field of a model that is missing",
        changed(models=[{"name": "a"}, {"input": 1}]),
        "acme.yaml: models[1]: Object missing required field `name`",
    ),
    Bad(
        "a price that is text",
        changed(models=[{"name": "a", "input": "cheap"}]),
        "acme.yaml: models[0].input: Invalid decimal string",
    ),
    Bad(
        "a price below nothing",
        changed(models=[{"name": "a", "output": -1}]),
        "acme.yaml: models[0]: output: a price is 0 or more",
    ),
    Bad(
        "a window of no tokens",
        changed(models=[{"name": "a", "context_window": 0}]),
        "acme.yaml: models[0].context_window: Expected `int` >= 1",
    ),
    Bad(
        "a model named twice",
        changed(models=[{"name": "a"}, {"name": "a"}]),
        "acme.yaml: models: a stands there twice",
    ),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.id)
def test_a_wrong_file_is_an_error_that_names_file_and_place(bad: Bad, tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(bad.text)
    with pytest.raises(catalogue.CatalogueError) as caught:
        catalogue.read(tmp_path)
    assert str(caught.value).startswith(bad.message)
    assert "\n" not in str(caught.value)


def test_two_files_cannot_share_a_name(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "other.yaml").write_text(changed(id="ac", alias="other"))
    with pytest.raises(catalogue.CatalogueError, match=r"other\.yaml: its id or alias"):
        catalogue.read(tmp_path)


@pytest.mark.django_db
def test_one_wrong_file_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "zebra.yaml").write_text("id: [")
    with pytest.raises(catalogue.CatalogueError):
        catalogue.load(tmp_path)
    assert not Provider.objects.exists()


# --- Loading ---------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_built_in_rows_are_usable_as_they_are() -> None:
    catalogue.load()
    built = snapshot.build()
    assert built.problems == ()
    assert set(built.providers) == {"anthropic", "demo", "openai"}
    model = built.providers["anthropic"].models["claude-haiku-4-5"]
    assert model.prices == snapshot.Prices(1_000_000, 5_000_000, 100_000, 1_250_000)


@pytest.mark.django_db
def test_prices_are_kept_to_the_last_digit(tmp_path: Path) -> None:
    catalogue.load(write(tmp_path))
    small = ProviderModel.objects.get(name="small")
    assert (small.input_price, small.output_price) == (Decimal("0.1"), Decimal("0.4"))


@pytest.mark.django_db
def test_loading_again_saves_nothing() -> None:
    catalogue.load()
    before = version()
    catalogue.load()
    assert version() == before


@pytest.mark.django_db
def test_a_change_in_a_file_reaches_its_rows_and_the_snapshot(tmp_path: Path) -> None:
    catalogue.load(write(tmp_path))
    before = version()
    catalogue.load(write(tmp_path, base_url="https://eu.acme.example/v1"))
    assert Provider.objects.get(slug="acme").base_url == "https://eu.acme.example/v1"
    assert version() > before


@pytest.mark.django_db
def test_what_an_operator_changed_in_a_model_stays(tmp_path: Path) -> None:
    catalogue.load(write(tmp_path))
    ProviderModel.objects.filter(name="small").update(
        input_price=Decimal("0.07"), active=False, customised=True
    )
    catalogue.load(write(tmp_path, models=[{"name": "small", "input": 9, "output": 9}]))
    small = ProviderModel.objects.get(name="small")
    assert (small.input_price, small.active) == (Decimal("0.07"), False)


@pytest.mark.django_db
def test_a_model_that_is_gone_is_switched_off_until_it_is_back(tmp_path: Path) -> None:
    catalogue.load(write(tmp_path))
    catalogue.load(write(tmp_path, models=ACME["models"][:1]))
    assert not ProviderModel.objects.get(name="large").active
    catalogue.load(write(tmp_path))
    assert ProviderModel.objects.get(name="large").active


@pytest.mark.django_db
def test_a_model_of_the_operator_is_not_switched_off(tmp_path: Path) -> None:
    catalogue.load(write(tmp_path))
    own = ProviderModel(provider=Provider.objects.get(slug="acme"), name="own", customised=True)
    own.save()
    catalogue.load(tmp_path)
    own.refresh_from_db()
    assert own.active


@pytest.mark.django_db
def test_connections_stay_as_the_operator_left_them(tmp_path: Path) -> None:
    catalogue.load(write(tmp_path))
    mine = Connection(name="mine", provider=Provider.objects.get(slug="acme"), active=False)
    mine.limits = {"rpm": 5}
    mine.save()
    catalogue.load(write(tmp_path, name="Acme, Inc."))
    mine.refresh_from_db()
    assert (mine.active, mine.limits) == (False, {"rpm": 5})


@pytest.mark.django_db
@pytest.mark.parametrize("names", [("acme", "other"), ("other", "ac")], ids=["id", "alias"])
def test_an_operators_provider_of_the_same_name_wins_and_is_named(
    names: tuple[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    slug, alias = names
    Provider.objects.create(slug=slug, alias=alias, name="Mine", base_url="http://127.0.0.1/v1")
    catalogue.load(write(tmp_path))
    kept = Provider.objects.get()
    assert (kept.name, kept.builtin, kept.offered_models.count()) == ("Mine", False, 0)
    assert f"acme is left out: your provider {slug} ({alias})" in caplog.text


# --- Connections that are there from the start -----------------------------------------------


@pytest.mark.django_db
def test_the_demo_can_be_called_from_the_start() -> None:
    catalogue.load()
    [connection] = snapshot.build().providers["demo"].connections
    assert (connection.name, connection.auth) == ("demo", {})


@pytest.mark.django_db
def test_a_demo_connection_that_was_deleted_stays_deleted() -> None:
    catalogue.load()
    Connection.objects.get(name="demo").delete()
    catalogue.load()
    assert not Connection.objects.exists()


@pytest.mark.django_db
def test_an_operators_connection_named_demo_is_left_alone(tmp_path: Path) -> None:
    catalogue.load(write(tmp_path))
    Connection.objects.create(name="demo", provider=Provider.objects.get(slug="acme"))
    catalogue.load()
    assert Connection.objects.get(name="demo").provider.slug == "acme"


SET, UNSET, EMPTY = {"ACME_API_KEY": "sk-acme"}, {"OTHER": "x"}, {"ACME_API_KEY": " "}


@dataclass(frozen=True)
class Journey:
    """What each start finds in the environment, and what an operator does after the first."""

    id: str
    starts: tuple[dict[str, str], ...]
    active: bool | None  # at the end; None: there is no connection
    then: bool | None = None  # an operator switches it on or off after the first start


JOURNEYS = [
    Journey("no variable makes no connection", (UNSET,), None),
    Journey("an empty variable makes none either", (EMPTY,), None),
    Journey("a variable makes one", (SET,), True),
    Journey("a second start keeps it", (SET, SET), True),
    Journey("without the variable it is switched off", (SET, UNSET), False),
    Journey("and on again with it", (SET, UNSET, SET), True),
    Journey("what an operator switched off stays off", (SET, SET), False, then=False),
    Journey("even when the variable goes and comes", (SET, UNSET, SET), False, then=False),
]


@pytest.mark.django_db
@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.id)
def test_an_environment_connection(journey: Journey, tmp_path: Path) -> None:
    catalogue.load(write(tmp_path))
    for number, environment in enumerate(journey.starts):
        catalogue.connect_environment(environment)
        row = Connection.objects.filter(name="acme-env").first()
        if number == 0 and row is not None and journey.then is not None:
            row.active = journey.then
            row.save()
    assert (None if row is None else row.active) == journey.active


@pytest.mark.django_db
def test_a_switch_by_an_operator_while_the_variable_is_gone_counts(tmp_path: Path) -> None:
    catalogue.load(write(tmp_path))
    catalogue.connect_environment(SET)
    catalogue.connect_environment(UNSET)
    for active in (True, False):
        row = Connection.objects.get(name="acme-env")
        row.active = active
        row.save()
    catalogue.connect_environment(SET)
    assert not Connection.objects.get(name="acme-env").active


@pytest.mark.django_db
def test_an_environment_connection_refers_to_the_variable_and_holds_no_copy(
    tmp_path: Path,
) -> None:
    catalogue.load(write(tmp_path))
    catalogue.connect_environment(SET)
    row = Connection.objects.get(name="acme-env")
    assert row.read_auth() == {"api_key": "env:ACME_API_KEY"}


@pytest.mark.django_db
@pytest.mark.parametrize("environment", [SET, UNSET], ids=["set", "unset"])
def test_an_operators_connection_of_that_name_is_left_alone(
    environment: dict[str, str], tmp_path: Path
) -> None:
    catalogue.load(write(tmp_path))
    own = Connection(name="acme-env", provider=Provider.objects.get(slug="acme"))
    own.set_api_key("sk-of-the-operator")
    own.save()
    catalogue.connect_environment(environment)
    own.refresh_from_db()
    assert (own.active, own.read_auth()) == (True, {"api_key": "sk-of-the-operator"})


@pytest.mark.django_db
def test_a_start_that_changes_nothing_leaves_the_version(tmp_path: Path) -> None:
    catalogue.load(write(tmp_path))
    catalogue.connect_environment(SET)
    before = version()
    catalogue.connect_environment(SET)
    assert version() == before
