"""The built-in providers: what the files say, and what loading them does to the database."""

import datetime
import shutil
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.exceptions import ValidationError

from accounts.models import GatewaySettings
from analytics import costs
from gateway import routing, snapshot
from gateway.errors import ModelNotFound
from gateway.formats.types import Usage
from providers import catalogue
from providers.models import Connection, LoadedCatalogue, Provider, ProviderModel
from tests.factories import ConnectionFactory

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


def demo(folder: Path) -> Path:
    """`folder` with the file of the demo in it."""
    shutil.copy(catalogue.FOLDER / "demo.yaml", folder)
    return folder


def version() -> int:
    return GatewaySettings.objects.get(pk=1).version


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
    Bad("an unknown kind of sign-in", changed(auth=["magic"]), "acme.yaml: auth[0]: Invalid enum"),
    Bad("a format without an address", changed(base_url=""), "acme.yaml: format: a format has an"),
    Bad(
        "retired, and nobody knows when", changed(status="retired"), "acme.yaml: retired_on: since"
    ),
    Bad(
        "a placeholder that nobody declares",
        changed(base_url="https://{resource}.example/v1"),
        "acme.yaml: params: 'resource' is used in 'https://{resource}.example/v1' and not declared",
    ),
    Bad(
        "an endpoint without an address",
        changed(endpoints=[{"kind": "image", "dialect": "x", "base": "x", "path": "/"}]),
        "acme.yaml: endpoints[0].base: 'x' has no address",
    ),
    Bad(
        "a client's secret",
        changed(oauth={"client_secret": "hush"}),
        "acme.yaml: oauth: the client's id and secret are the operator's",
    ),
    Bad(
        "a price finer than money is counted",
        changed(models=[{"name": "a", "input": 0.0000001}]),
        "acme.yaml: models[0]: input: a price has at most six decimals",
    ),
    Bad(
        "a tier that begins nowhere",
        changed(models=[{"name": "a", "tiers": [{"input": 1}]}]),
        "acme.yaml: models[0].tiers[0]: Object missing required field `over`",
    ),
    Bad(
        "a price for what nobody counts",
        changed(models=[{"name": "a", "media": {"per_smile": 1}}]),
        "acme.yaml: models[0]: per_smile: unknown",
    ),
    Bad(
        "modalities that there are none of",
        changed(models=[{"name": "a", "modalities": "smell -> text"}]),
        "acme.yaml: models[0].modalities: Expected `str` matching",
    ),
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
def test_the_whole_catalogue_is_usable_as_it_is(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(140):  # hundreds of rows each
        catalogue.load()
    built = snapshot.build()
    assert built.problems == ()
    model = built.providers["anthropic"].models["claude-haiku-4-5"]
    assert model.prices == costs.Prices(
        1_000_000, 5_000_000, 100_000, 1_250_000, costs.More(cache_write_1h=2_000_000)
    )
    before = version()
    with django_assert_max_num_queries(5):
        catalogue.load()
    LoadedCatalogue.objects.update(digest="another")
    catalogue.load()  # reads the files, and finds nothing to write
    assert ProviderModel.objects.count() == sum(len(row.models) for row in catalogue.read())
    assert version() == before + 1


@pytest.mark.django_db
def test_prices_are_kept_to_the_last_digit(tmp_path: Path) -> None:
    catalogue.load(write(tmp_path))
    small = ProviderModel.objects.get(name="small")
    assert (small.input_price, small.output_price) == (Decimal("0.1"), Decimal("0.4"))


@pytest.mark.django_db
def test_loading_tells_of_itself_once_and_the_second_time_not_at_all(tmp_path: Path) -> None:
    before = version()
    catalogue.load(write(tmp_path))
    assert version() == before + 1
    catalogue.load(tmp_path)
    assert version() == before + 1


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
    catalogue.load(write(tmp_path, name="Acme, Inc."))
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


@pytest.mark.django_db
def test_one_that_was_left_out_is_loaded_once_its_name_is_free(tmp_path: Path) -> None:
    mine = Provider.objects.create(slug="acme", alias="m", name="Mine", base_url="http://x/v1")
    catalogue.load(write(tmp_path))
    mine.delete()
    catalogue.load(tmp_path)
    assert Provider.objects.get().builtin


@pytest.mark.django_db
@pytest.mark.parametrize(("day", "price"), [("2026-11-24", "9"), ("2026-11-26", "0.1")])
def test_the_newer_of_a_file_and_a_price_list_wins(day: str, price: str, tmp_path: Path) -> None:
    catalogue.load(write(tmp_path, checked=datetime.date(2026, 11, 20)))
    applied = {"input_price": Decimal(9), "priced_on": "2026-11-25"}
    ProviderModel.objects.filter(name="small").update(**applied)
    catalogue.load(write(tmp_path, checked=datetime.date.fromisoformat(day)))
    assert ProviderModel.objects.get(name="small").input_price == Decimal(price)


@pytest.mark.django_db
def test_all_that_a_file_says_of_a_model_reaches_the_snapshot(tmp_path: Path) -> None:
    told = {
        "name": "m", "input": 1, "output": 2, "cache_read": 0.1, "cache_write_1h": 2,
        "reasoning": 3, "tiers": [{"over": 1000, "input": 5}, {"over": 2000, "input": 7}],
        "changes": [{"from": datetime.date(2027, 1, 1), "input": 4, "output": 4}],
        "media": {"per_image": 0.04}, "modalities": "text+image -> text",
        "capabilities": {"images": True, "tools": False}, "context_window": 5,
    }  # fmt: skip
    catalogue.load(write(tmp_path, models=[told]))
    model = snapshot.build().providers["ac"].models["m"]

    def prices(times: int, **more: Any) -> costs.Prices:
        """What a cache costs keeps its share of a dearer input."""
        extra = costs.More(cache_write_1h=times * 2_000_000, reasoning=3_000_000, **more)
        return costs.Prices(times * 1_000_000, 2_000_000, times * 100_000, times * 1_000_000, extra)

    four = costs.Prices(4_000_000, 4_000_000, 4_000_000, 4_000_000)
    assert model.prices == prices(
        1,
        tiers=((2000, prices(7)), (1000, prices(5))),
        changes=((1798761600.0, four),),
        media={"per_image": 40_000_000_000},
    )
    assert model.lacks == frozenset({"tools"})


@pytest.mark.django_db
def test_what_is_written_to_a_cache_costs_more_above_a_size_too() -> None:
    """As Anthropic lists them: 6 and 22.50 above 200,000, and 7.50 and 12 for caches."""
    catalogue.load()
    prices = snapshot.build().providers["anthropic"].models["claude-sonnet-4-5"].prices
    assert prices
    usage = Usage(
        input_tokens=250_000, output_tokens=1000, cache_read_tokens=50_000,
        cache_write_tokens=150_000, cache_write_1h_tokens=50_000,
    )  # fmt: skip
    # 50,000 fresh, 50,000 read, 100,000 written for five minutes and 50,000 for an hour
    expect = 0.05 * 6 + 0.05 * 0.6 + 0.1 * 7.5 + 0.05 * 12 + 0.001 * 22.5
    assert costs.cost_picousd(usage, prices) == round(expect * 10**12)


# --- What cannot be called -------------------------------------------------------------------

RETIRED = {"status": "retired", "retired_on": datetime.date(2026, 4, 15), "status_note": "Use X."}
UNKNOWN = {
    "format": None, "base_url": "", "other_bases": {"telex": "https://telex.example"},
    "endpoints": [{"kind": "chat", "dialect": "telex", "base": "telex", "path": "/"}],
}  # fmt: skip
GONE = {"models": [{"name": "small", "retired": datetime.date(2026, 10, 23)}]}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (RETIRED, "ac/small: Acme is retired since 2026-04-15. Use X."),
        (UNKNOWN, "ac/small: Acme is not supported yet: it speaks telex"),
        (GONE, "the model 'ac/small' is retired since 2026-10-23"),
    ],
    ids=["a retired provider", "one that speaks what we do not", "a retired model"],
)
def test_a_call_to_it_says_why(changes: dict[str, Any], why: str, tmp_path: Path) -> None:
    catalogue.load(write(tmp_path, **changes))
    built = snapshot.build()
    with pytest.raises(ModelNotFound) as caught:
        routing.resolve(built, built.anyone, "ac/small", "openai_chat")
    assert str(caught.value) == why


@pytest.mark.django_db
@pytest.mark.parametrize("changes", [RETIRED, UNKNOWN], ids=["retired", "unknown"])
def test_a_connection_to_it_is_refused_and_an_old_one_says_why(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    catalogue.load(write(tmp_path))
    old = ConnectionFactory.create(provider=Provider.objects.get(slug="acme"), api_key="sk-1")
    catalogue.load(write(tmp_path, **changes))
    [problem] = snapshot.build().problems
    refusal = Provider.objects.get().refusal
    assert (problem.name, problem.reason) == (old.name, refusal)
    old.refresh_from_db()
    with pytest.raises(ValidationError, match=refusal):
        old.full_clean()


# --- Connections that are there from the start -----------------------------------------------


@pytest.mark.django_db
def test_the_demo_can_be_called_from_the_start(tmp_path: Path) -> None:
    catalogue.load(demo(tmp_path))
    [connection] = snapshot.build().providers["demo"].connections
    assert (connection.name, connection.auth) == ("demo", {})


@pytest.mark.django_db
def test_a_demo_connection_that_was_deleted_stays_deleted(tmp_path: Path) -> None:
    catalogue.load(demo(tmp_path))
    Connection.objects.get(name="demo").delete()
    catalogue.load(write(tmp_path))
    assert not Connection.objects.exists()


@pytest.mark.django_db
def test_an_operators_connection_named_demo_is_left_alone(tmp_path: Path) -> None:
    catalogue.load(write(tmp_path))
    Connection.objects.create(name="demo", provider=Provider.objects.get(slug="acme"))
    catalogue.load(demo(tmp_path))
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
