"""`manage.py catalog`: what it says of files, and what a newer price list does to models."""

import json
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from accounts.models import GatewaySettings
from gateway import snapshot
from omniroute.catalogue import page
from providers import catalogue, rows
from providers.models import ProviderModel
from tests.filehost import FileHost, answer

ROOT = Path(__file__).resolve().parents[2]
ACME: dict[str, Any] = {
    "id": "openai",
    "alias": "ac",
    "name": "Acme",
    "format": "openai_chat",
    "base_url": "https://api.acme.example/v1",
    "tier": "api_key",
    "models": [{"name": "small", "input": 1, "output": 2}, {"name": "unpriced"}],
}


def write(folder: Path, name: str = "acme.yaml", **changes: Any) -> Path:
    (folder / name).write_text(yaml.safe_dump(ACME | changes))
    return folder


def test_the_page_is_what_the_files_make_of_it() -> None:
    assert (ROOT / "docs/providers.md").read_text("utf-8") == page.document(rows.read()), (
        "`make docs` writes it"
    )


# --- check -----------------------------------------------------------------------------------


def test_the_shipped_files_are_well(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("catalog", "check")
    assert "providers, nothing to complain of" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"tier": "golden"}, "acme.yaml: tier: Invalid enum value 'golden'"),
        (
            {"quirks": {"shouts": True}, "models": []},
            "acme.yaml: quirks: Object contains unknown field `shouts`",
        ),
        ({"base_url": "http://10.0.0.1/v1"}, "acme.yaml: base_url: "),
        ({"other_formats": {"gemini": "ftp://x"}}, "acme.yaml: other_formats.gemini: "),
        ({"status": "restricted"}, "acme.yaml: status: what is restricted says why"),
        ({"oauth": {"scopes": 3}}, "acme.yaml: oauth: Expected `array`"),
        ({"models": [{"name": "m", "input": 1}]}, "acme.yaml: models[0] m: input, output: "),
        (
            {"models": [{"name": "m", "capabilities": {"flight": True}}]},
            "acme.yaml: models[0] m: capabilities: 'flight' is none",
        ),
        (
            {"models": [{"name": "m", "format": "gemini"}]},
            "acme.yaml: models[0] m: format: the provider has no address for gemini",
        ),
        (
            {"models": [{"name": "m", "input": 1, "output": 1, "cache_read": 2}]},
            "acme.yaml: models[0] m: cache_read: ",
        ),
        (
            {"models": [{"name": "m", "tiers": [{"over": 9}, {"over": 5}]}]},
            "acme.yaml: models[0] m: tiers: each is above the one before it",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_complaint_names_file_and_place(
    changes: dict[str, Any], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="complaints about the catalogue: 1"):
        call_command("catalog", "check", str(write(tmp_path, **changes)))
    assert capsys.readouterr().err.startswith(complaint)


def test_all_complaints_are_made_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "one.yaml", tier="golden")
    write(tmp_path, "three.yaml")
    write(tmp_path, "two.yaml")
    with pytest.raises(CommandError, match=": 3"):
        call_command("catalog", "check", str(tmp_path))
    assert "two.yaml: id: 'openai' is three.yaml's too" in capsys.readouterr().err


def test_a_folder_without_files_is_no_catalogue(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        call_command("catalog", "check", str(tmp_path))


# --- update ----------------------------------------------------------------------------------

LITELLM = {
    "sample_spec": {"litellm_provider": "one of …", "input_cost_per_token": 0},
    "openai/small": {
        "litellm_provider": "openai",
        "input_cost_per_token": 3e-06,
        "output_cost_per_token": 2e-06,
        "input_cost_per_token_above_200k_tokens": 6e-06,
    },
    "unpriced": {
        "litellm_provider": "openai",
        "input_cost_per_token": 5e-08,
        "output_cost_per_token": 1e-07,
        "cache_creation_input_token_cost_above_1hr": 1e-07,
    },
    "elsewhere": {"litellm_provider": "nobody", "input_cost_per_token": 1e-06},
}
MODELS_DEV = {
    "openai": {
        "models": {
            "small": {
                "cost": {"input": 3, "output": 2, "context_over_200k": {"input": 6}},
            },
            "unpriced": {"cost": {"input": 0.05, "output": 0.1}},
        }
    }
}


@pytest.fixture
def loaded(db: None, tmp_path: Path) -> Path:
    catalogue.load(write(tmp_path))
    return tmp_path


def listed(folder: Path, told: Any) -> str:
    path = folder / "prices.json"
    path.write_text(json.dumps(told))
    return str(path)


def price_of(name: str) -> tuple[Decimal | None, Decimal | None]:
    row = ProviderModel.objects.get(name=name)
    return row.input_price, row.output_price


@pytest.mark.parametrize("told", [LITELLM, MODELS_DEV], ids=["LiteLLM's", "models.dev's"])
def test_a_price_list_is_shown_and_then_applied(
    told: Any, loaded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = listed(loaded, told)
    call_command("catalog", "update", source)
    said = capsys.readouterr().out
    assert "ac/small: input 1 → 3, above 200,000 tokens input not told → 6" in said
    assert "ac/unpriced: input unpriced → 0.05, output unpriced → 0.1" in said
    assert "models that would change with --apply: 2" in said
    assert price_of("small") == (Decimal(1), Decimal(2))

    before = GatewaySettings.objects.get(pk=1).version
    call_command("catalog", "update", source, "--apply")
    assert GatewaySettings.objects.get(pk=1).version == before + 1
    assert price_of("small") == (Decimal(3), Decimal(2))
    assert price_of("unpriced") == (Decimal("0.05"), Decimal("0.1"))
    prices = snapshot.build().providers["ac"].models["small"].prices
    assert prices
    assert prices.more
    assert prices.more.tiers[0][1].input == 6_000_000

    capsys.readouterr()
    call_command("catalog", "update", source)
    assert "models that would change with --apply: 0" in capsys.readouterr().out


MODERN = {  # as models.dev has it: the size stands in `tiers`, and is not always 200,000
    "input": 1, "output": 2,
    "tiers": [{"input": 2, "output": 3, "tier": {"type": "context", "size": 272_000}}],
    "context_over_200k": {"input": 2, "output": 3},
}  # fmt: skip


def test_a_tier_begins_where_the_list_says(
    loaded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = [{"over": 128_000, "input": 9}, {"over": 272_000, "input": 1.5, "cache_read": 0.2}]
    ProviderModel.objects.filter(name="small").update(price_tiers=old)
    told = {"openai": {"models": {"small": {"cost": MODERN}}}}
    call_command("catalog", "update", listed(loaded, told), "--apply")
    assert (
        "ac/small: above 272,000 tokens input 1.5 → 2, output not told → 3, "
        "above 128,000 tokens as below"
    ) in capsys.readouterr().out
    assert ProviderModel.objects.get(name="small").price_tiers == [
        {"input": 2, "output": 3, "cache_read": 0.2, "over": 272_000}
    ]


@pytest.mark.parametrize(
    "told",
    [
        {"openai": {"models": {"small": {"cost": {
            "input": 1, "output": 2, "context_over_200k": {"input": 0, "output": 0},
            "tiers": [{"input": 0, "tier": {"type": "context", "size": size}} for size in sizes],
        }}}}}
        for sizes in ([9000], [0, -1, True, "1", None, 10**30])
    ]
    + [
        {"small": {"litellm_provider": "openai", "input_cost_per_token": 1e-06, **told}}
        for told in (
            {"input_cost_per_token_above_200k_tokens": 0},
            {"input_cost_per_token_above_0k_tokens": 1e-07},
            {f"input_cost_per_token_above_{'9' * 5000}k_tokens": 1e-07},
        )
    ],
)  # fmt: skip
def test_nothing_becomes_free_or_odd_by_its_size(
    told: Any, loaded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("catalog", "update", listed(loaded, told), "--apply")
    assert "models that changed: 0" in capsys.readouterr().out


def test_what_an_operator_changed_and_what_would_become_free_stay(loaded: Path) -> None:
    ProviderModel.objects.filter(name="unpriced").update(customised=True)
    free = {"cost": {"input": 0, "output": 0}}
    told = {"openai": {"models": {"small": free, "unpriced": {"cost": {"input": 9}}}}}
    call_command("catalog", "update", listed(loaded, told), "--apply")
    assert price_of("small") == (Decimal(1), Decimal(2))
    assert price_of("unpriced") == (None, None)


def test_the_next_start_keeps_what_was_applied(loaded: Path) -> None:
    call_command("catalog", "update", listed(loaded, MODELS_DEV), "--apply")
    catalogue.load(write(loaded, name="Acme, Inc."))
    assert price_of("small") == (Decimal(3), Decimal(2))


def test_a_list_is_fetched_from_an_address(loaded: Path, settings: Any) -> None:
    settings.FETCH_PRIVATE_NETWORKS = True
    with closing(FileHost()) as host:
        host.files["/api.json"] = answer(json.dumps(MODELS_DEV).encode())
        call_command("catalog", "update", f"http://127.0.0.1:{host.port}/api.json", "--apply")
    assert price_of("small") == (Decimal(3), Decimal(2))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("<html>", "it is no JSON"),
        ("[1]", "it is no object of models or of providers"),
        ('{"a": {"b": 1}}', "it is neither LiteLLM's price list nor models.dev's"),
    ],
)
def test_what_is_no_price_list_says_so(data: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(data)
    with pytest.raises(CommandError, match=reason):
        call_command("catalog", "update", str(tmp_path / "x.json"))


def test_a_list_that_is_not_there_says_so(tmp_path: Path, settings: Any) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("catalog", "update", str(tmp_path / "none.json"))
    settings.FETCH_PRIVATE_NETWORKS = False
    with pytest.raises(CommandError, match="private"):
        call_command("catalog", "update", "http://127.0.0.1:1/prices.json")
