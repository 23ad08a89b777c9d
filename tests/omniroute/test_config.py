"""Configuration as a file: all of it or nothing, each error with its place, no secret told."""

import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from accounts.models import ApiKey
from combos.models import Combo
from omniroute.configuration import export
from omniroute.configuration.apply import apply, read
from omniroute.configuration.errors import ConfigurationError
from providers import catalogue
from providers.models import Connection, Provider
from tests.catalogue import copy_few

pytestmark = pytest.mark.django_db

SECRET = "sk-up-canary-1b7e"
CONTRACT = f"""
providers:
  - id: mock
    alias: mk
    name: Mock
    base_url: http://127.0.0.1:9100/v1
    format: openai_chat
    tier: api_key
    allow_private_network: true
connections:
  - name: mock-main
    provider: mock
    auth: {{type: api_key, api_key: "${{UPSTREAM_KEY}}"}}
    base_url: null
    priority: 1
    active: true
    models: [m1, m2]
    limits: {{rpm: 600, tpm: 1000000, concurrency: 50}}
    timeouts: {{connect: 5, first_byte: 60, first_content: 120, idle: 60, total: 600}}
    headers: {{x-team: search}}
    headroom: 0.2
models:
  - {{id: mk/m1, context_window: 128000, input_price: 1.0, output_price: 2.0, cache_read_price: 0.1}}
aliases:
  - {{alias: smart, model: mk/m1}}
combos:
  - name: best
    strategy: fill-first
    targets:
      - {{model: mk/m1, weight: 1}}
      - {{model: anthropic/claude-sonnet-4-6}}
      - {{combo: cheap-ones}}
  - {{name: cheap-ones, targets: [{{model: mk/m2}}]}}
api_keys:
  - name: laptop
    key: sk-omni-{"0123456789abcdef" * 2}
    scopes: [inference]
    allowed_models: ["*"]
    limits: {{rpm: 60, tpm: 100000, concurrency: 10}}
    budgets: {{daily_usd: 5, weekly_usd: 20, monthly_usd: 100, daily_tokens: 1000000, daily_requests: 5000}}
    expires: 2027-01-01T00:00:00Z
    allowed_ips: ["127.0.0.0/8"]
users:
  - {{username: ops, email: ops@example.com, role: operator, budgets: {{monthly_usd: 500}}}}
settings: {{require_api_key: true, log_bodies: false, retention_days: 30}}
"""
ROUTING = """
providers:
  - {id: mock, alias: mk, base_url: https://p.example/v1, account_strategy: round-robin, sticky: 3}
connections:
  - {name: c, provider: mock, auth: {type: none}, limits: {concurrency: 2, max_wait: 5}}
models:
  - {id: mk/m1, capabilities: {images: false, tools: true}, input_price: 1.0, output_price: 2.0,
     cache_write_1h_price: 2.0, reasoning_price: 3.0, price_tiers: [{over: 200000, input: 2.0}],
     price_changes: [{from: "2027-01-01", input: 4.0, output: 8.0}], media_prices: {per_image: 0.04}}
combos:
  - {name: best, strategy: priority-tiers, tier_strategy: fastest, sticky: 2, hedge_after: 1.5, cache: true,
     targets: [{model: mk/m1}]}
users:
  - {username: ops, soft_budgets: {monthly_usd: 400}}
api_keys:
  - {name: laptop, key: sk-omni-0123456789abcdef0123456789abcdef, soft_budgets: {daily_usd: 4}, controls: [tags],
     denied_ips: [192.0.2.0/24], cache: true, system_prompt: Be kind., thinking: fixed, thinking_budget: 4000}
error_rules:
  - {provider: mock, status: 429, pattern: per model, action: next_target, scope: model, cooldown: 30}
  - {pattern: try again later, action: retry}
settings:
  {budgets: {monthly_usd: 100}, soft_budgets: {monthly_usd: 80}, allowed_ips: [127.0.0.0/8], denied_ips: [192.0.2.1],
   system_prompt: Be brief., thinking: "off", cache_ttl_s: 60, max_attempts: 3, deadline_s: 30, breaker_failures: 4,
   breaker_window_s: 30, breaker_share: 0.4, breaker_open_s: 10, cooldown_first_s: 2, cooldown_max_s: 60,
   cooldown_hint_max_s: 600, cooldown_auth_s: 60, model_lock_first_s: 30, model_lock_max_s: 300}
"""


@pytest.fixture(autouse=True)
def _builtin_providers(tmp_path: Path) -> None:
    catalogue.load(copy_few(tmp_path))


def applied(text: str, **environment: str) -> list[str]:
    return [str(change) for change in apply(read(text, environment))]


def test_the_contracts_example_applies_and_applies_again_without_a_change() -> None:
    first = applied(CONTRACT, UPSTREAM_KEY=SECRET)
    assert "connection mock-main: created" in first
    second = applied(CONTRACT, UPSTREAM_KEY=SECRET)
    assert all(line.endswith("unchanged") for line in second)
    assert SECRET not in "".join(first + second)
    assert [str(target) for target in Combo.objects.get(name="best").targets.all()] == [
        "mk/m1", "anthropic/claude-sonnet-4-6", "combo cheap-ones",
    ]  # fmt: skip


def test_what_is_exported_with_secrets_is_what_is_read() -> None:
    applied(CONTRACT, UPSTREAM_KEY=SECRET)
    whole = export.document(secrets=True)
    for model in (Combo, ApiKey, Connection):
        for row in model.objects.all():
            row.delete()
    Provider.objects.filter(builtin=False).delete()
    apply(read(yaml.safe_dump(whole)))
    assert export.document(secrets=True) == whole


def test_without_secrets_they_are_masked_and_applying_that_keeps_them() -> None:
    applied(CONTRACT, UPSTREAM_KEY=SECRET)
    masked = yaml.safe_dump(export.document())
    assert SECRET not in masked
    assert "search" not in masked
    assert all("unchanged" in line for line in applied(masked))
    row = Connection.objects.get(name="mock-main")
    assert (row.read_auth(), row.headers) == ({"api_key": SECRET}, {"x-team": "search"})


def test_a_reference_is_no_secret() -> None:
    applied(CONTRACT, UPSTREAM_KEY="env:SOME_KEY")
    assert "env:SOME_KEY" in yaml.safe_dump(export.document())


PROVIDER = "providers: [{id: p, alias: p, base_url: 'https://p.example/v1'}]\n"
WRONG: list[tuple[str, str, str]] = [
    ("an unset variable", "settings: {retention_days: '${NOPE}'}", "settings.retention_days"),
    ("an unknown section", "foo: 1", "foo"),
    ("an unknown key", "settings: {foo: 1}", "settings.foo"),
    ("a wrong type", "settings: {retention_days: soon}", "settings.retention_days"),
    ("no days", "settings: {retention_days: 0}", "settings.retention_days"),
    ("a missing field", "providers: [{id: p, alias: p}]", "providers[0].base_url"),
    ("a twice-named row", "aliases: [{alias: a, model: demo/echo}, {alias: a, model: demo/echo}]",
     "aliases[1].alias"),
    ("a tier of no size", "models: [{id: demo/echo, price_tiers: [{input: 1}]}]",
     "models[0].price_tiers"),
    ("a price for what nobody counts", "models: [{id: demo/echo, media_prices: {per_smile: 1}}]",
     "models[0].media_prices"),
    ("a private address", "providers: [{id: p, alias: p, base_url: 'http://10.0.0.1/v1'}]",
     "providers[0].base_url"),
    ("a format to come", "providers: [{id: p, alias: p, base_url: 'https://p.example', format: cursor_connect}]",
     "providers[0].format"),
    ("no strategy", "combos: [{name: c, strategy: luck}]", "combos[0].strategy"),
    ("no token", PROVIDER + "connections: [{name: c, provider: p, auth: {type: oauth}}]",
     "connections[0].auth"),
    ("no capability", PROVIDER + "models: [{id: p/m, capabilities: {smell: true}}]",
     "models[0].capabilities"),
    ("no control", "api_keys: [{name: k, controls: [magic]}]", "api_keys[0].controls"),
    ("a pattern that is none", "error_rules: [{pattern: '(', action: stop}]",
     "error_rules[0].pattern"),
    ("a fixed budget of nothing", "settings: {thinking: fixed}", "settings.thinking_budget"),
    ("a proxy without a port", PROVIDER + "connections: [{name: c, provider: p, proxy: 'http://x',"
     " auth: {type: none}}]", "connections[0].proxy"),
    ("a parameter that is more than one", PROVIDER + "connections: [{name: c, provider: p, "
     "auth: {type: none}, params: {resource: 'evil.example/x?'}}]", "connections[0].params"),
    ("a parameter that an address lacks", "providers: [{id: p, alias: p, base_url: "
     "'https://{resource}.p.example/v1'}]\nconnections: [{name: c, provider: p, auth: {type: none}}]",
     "connections[0].params"),
    ("a service account that is none", PROVIDER + "connections: [{name: c, provider: p, "
     "auth: {type: service_account, json: '{}'}}]", "connections[0].auth"),
    ("no provider", "connections: [{name: c, provider: nope, auth: {type: none}}]",
     "connections[0].provider"),
    ("no key", PROVIDER + "connections: [{name: c, provider: p}]", "connections[0].auth"),
    ("a limit below 0", PROVIDER
     + "connections: [{name: c, provider: p, auth: {type: none}, limits: {rpm: -1}}]",
     "connections[0].limits"),
    ("a limit without end", "api_keys: [{name: k, limits: {rpm: .inf}}]", "api_keys[0].limits.rpm"),
    ("a budget of nobody", "settings: {budgets: {daily_usd: 1.0e+300}}", "settings.budgets"),
    ("longer than time", "settings: {retention_days: 999999}", "settings.retention_days"),
    ("a cooldown without end", "settings: {cooldown_auth_s: .inf}", "settings.cooldown_auth_s"),
    ("no number", "settings: {deadline_s: .nan}", "settings.deadline_s"),
    ("a cooldown longer than life", "error_rules: [{action: stop, pattern: x, cooldown: 1.0e+10}]",
     "error_rules[0].cooldown"),
    ("half of a character", r'aliases: [{alias: "\ud83d", model: demo/echo}]', "aliases[0].alias"),
    ("half of one in a list", r'api_keys: [{name: k, allowed_models: ["\ud83d"]}]',
     "api_keys[0].allowed_models"),
    ("no character", r'settings: {system_prompt: "a\0b"}', "settings.system_prompt"),
    ("an unknown limit", "api_keys: [{name: k, limits: {rps: 1}}]", "api_keys[0].limits"),
    ("both scopes", "api_keys: [{name: k, scopes: [inference, manage]}]", "api_keys[0].scopes"),
    ("a short key", "api_keys: [{name: k, key: sk-1234}]", "api_keys[0].key"),
    ("no network", "api_keys: [{name: k, allowed_ips: [home]}]", "api_keys[0].allowed_ips"),
    ("a missing target", "combos: [{name: c, targets: [{model: demo/echo}, {model: nope/x}]}]",
     "combos[0].targets[1].model"),
    ("a missing combo", "combos: [{name: c, targets: [{combo: nope}]}]", "combos[0].targets[0].combo"),
    ("a combo in itself", "combos: [{name: c, targets: [{combo: c}]}]", "combos[0].targets[0].combo"),
    ("a cycle", "combos: [{name: a, targets: [{combo: b}]}, {name: b, targets: [{combo: a}]}]",
     "combos[1].targets[0].combo"),
    ("an unknown model", "aliases: [{alias: a, model: demo/nope}]", "aliases[0].model"),
    ("a builtin provider", "providers: [{id: openai, alias: o, base_url: 'https://p.example'}]",
     "providers[0].id"),
    ("no object", "- 1", ""),
    ("no YAML", "a: [", ""),
]  # fmt: skip


@pytest.mark.parametrize(("what", "text", "path"), WRONG, ids=[row[0] for row in WRONG])
def test_an_error_names_its_place_and_nothing_is_changed(what: str, text: str, path: str) -> None:
    before = export.document(secrets=True)
    with pytest.raises(ConfigurationError) as failure:
        apply(read(text, {}))
    assert path in [place for place, _ in failure.value.problems]
    assert export.document(secrets=True) == before


def test_every_key_of_routing_applies_and_is_exported_again() -> None:
    applied(ROUTING)
    whole = export.document(secrets=True)
    assert all(line.endswith("unchanged") for line in applied(ROUTING))
    assert all(str(change).endswith("unchanged") for change in apply(read(yaml.safe_dump(whole))))
    told = yaml.safe_load(ROUTING)
    assert whole["settings"].items() >= told["settings"].items()
    assert [
        rule.items() >= own.items()
        for rule, own in zip(whole["error_rules"], told["error_rules"], strict=True)
    ] == [True, True]
    for section in ("providers", "connections", "models", "combos", "users"):
        (row,), (own,) = whole[section], told[section]
        assert row.items() >= own.items()


def test_the_strategy_among_accounts_of_a_builtin_provider_is_the_operators() -> None:
    row = export.provider(Provider.objects.get(slug="openai")) | {"account_strategy": "least-used"}
    assert applied(yaml.safe_dump({"providers": [row]})) == [
        "provider openai: changed account_strategy"
    ]
    assert export.document()["providers"] == [row]
    with pytest.raises(ConfigurationError, match="is built in"):
        applied(yaml.safe_dump({"providers": [row | {"tier": "free"}]}))


def test_a_level_put_in_the_middle_counts_with_those_above() -> None:
    chain = [{"name": f"c{n}", "targets": [{"combo": f"c{n + 1}"}]} for n in range(4)]
    applied(yaml.safe_dump({"combos": [*chain, {"name": "c4", "targets": []}]}))
    with pytest.raises(ConfigurationError, match="at most 5 levels"):
        applied("combos: [{name: c5}, {name: c4, targets: [{combo: c5}]}]")


def test_six_levels_of_combos_are_one_too_many() -> None:
    def nested(levels: int) -> str:
        chain: list[dict[str, Any]] = [{"name": "c1", "targets": [{"model": "demo/echo"}]}]
        chain += [
            {"name": f"c{n}", "targets": [{"combo": f"c{n - 1}"}]} for n in range(2, levels + 1)
        ]
        return yaml.safe_dump({"combos": chain})

    applied(nested(5))
    with pytest.raises(ConfigurationError, match="at most 5 levels"):
        applied(nested(6))


def test_all_errors_are_told_at_once() -> None:
    text = "combos: [{name: c, targets: [{model: nope/x}]}]\naliases: [{alias: a, model: nope/y}]"
    with pytest.raises(ConfigurationError) as failure:
        apply(read(text, {}))
    assert [path for path, _ in failure.value.problems] == [
        "combos[0].targets[0].model", "aliases[0].model",
    ]  # fmt: skip


def test_a_doubled_dollar_is_one() -> None:
    applied(PROVIDER.replace("id: p,", "id: p, name: 'cost $${HERE}',"))
    assert Provider.objects.get(slug="p").name == "cost ${HERE}"


def test_another_host_needs_the_key_again() -> None:
    applied(CONTRACT, UPSTREAM_KEY=SECRET)
    moved = "providers: [{id: mock, alias: mk, base_url: 'https://evil.example/v1'}]"
    with pytest.raises(ConfigurationError, match="needs its API key entered again"):
        applied(moved)


def test_the_command_checks_without_a_change_and_fails_with_the_place(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("aliases: [{alias: a, model: demo/echo}]")
    out = io.StringIO()
    call_command("config", "check", str(file), stdout=out)
    assert "nothing was changed" in out.getvalue()
    assert "aliases" not in export.document()
    file.write_text("aliases: [{alias: a, model: nope}]")
    with pytest.raises(CommandError, match=r"aliases\[0\]\.model: "):
        call_command("config", "apply", str(file))


def test_an_export_with_secrets_is_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "out.yaml"
    file.write_text("older")
    file.chmod(0o644)
    call_command("config", "export", "--secrets", str(file))
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_made_key_is_printed_once(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("api_keys: [{name: new}]")
    first, second = io.StringIO(), io.StringIO()
    call_command("config", "apply", str(file), stdout=first)
    call_command("config", "apply", str(file), stdout=second)
    assert "sk-omni-" in first.getvalue()
    assert "sk-omni-" not in second.getvalue()
