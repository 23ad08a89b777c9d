"""What the repository says of itself is true."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROVIDER_KEYS = {"OPENAI_API_KEY", "ANTHROPIC_API_KEY"}


def settings_read() -> set[str]:
    text = (ROOT / "omniroute/settings.py").read_text()
    return set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', text))


def test_the_example_environment_lists_exactly_what_is_read() -> None:
    listed = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert listed == settings_read() | PROVIDER_KEYS


def compose() -> dict[str, dict[str, object]]:
    services: dict[str, dict[str, object]] = yaml.safe_load(
        (ROOT / "docker-compose.yml").read_text()
    )["services"]
    return services


def test_compose_has_every_part() -> None:
    assert set(compose()) == {"gateway", "worker", "beat", "redis", "postgres"}


@pytest.mark.parametrize("name", ["gateway", "worker", "beat"])
def test_compose_sets_only_variables_that_are_read(name: str) -> None:
    environment = compose()[name]["environment"]
    assert isinstance(environment, dict)
    assert set(environment) <= settings_read() | PROVIDER_KEYS


def test_compose_publishes_the_gateway_on_loopback_only() -> None:
    assert compose()["gateway"]["ports"] == ["127.0.0.1:20128:20128"]
    assert all("ports" not in service for name, service in compose().items() if name != "gateway")


@pytest.mark.parametrize(
    "command", ["bootstrap", "serve", "config", "rotate_keys", "reset_password"]
)
def test_a_command_of_the_readme_exists(command: str) -> None:
    assert command in (ROOT / "README.md").read_text()
    done = subprocess.run(
        [sys.executable, "manage.py", command, "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_image_copies_what_it_runs() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    paths = [path for line in copied for path in line.split()]
    assert all((ROOT / path).exists() for path in paths)
    assert {
        "accounts",
        "analytics",
        "combos",
        "gateway",
        "omniroute",
        "providers",
        "templates",
    } <= set(paths)


def test_the_lock_names_no_package_index() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        assert "index" not in re.sub(r"#.*", "", text)
        assert "://" not in text
