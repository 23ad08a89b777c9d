"""What the repository says of itself is true."""

import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from omniroute.configuration.apply import apply, read
from providers import catalogue
from tests.catalogue import copy_few
from tests.screenshots.__main__ import DEVICES, THEMES, shots

ROOT = Path(__file__).resolve().parents[2]
PROVIDER_KEYS = {"OPENAI_API_KEY", "ANTHROPIC_API_KEY"}


def settings_read() -> set[str]:
    text = (ROOT / "omniroute/settings.py").read_text()
    return set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', text))


def test_the_example_environment_lists_exactly_what_is_read() -> None:
    listed = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert listed == settings_read() | PROVIDER_KEYS


@pytest.mark.parametrize(
    "command", ["bootstrap", "serve", "catalog", "config", "rotate_keys", "reset_password"]
)
def test_a_command_of_the_readme_exists(command: str) -> None:
    assert command in (ROOT / "README.md").read_text()
    done = subprocess.run(
        [sys.executable, "manage.py", command, "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


README = (ROOT / "README.md").read_text()


def test_a_target_of_the_readme_exists() -> None:
    named = set(re.findall(r"`make (\w+)", README))
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"run", "test", "lint", "bench", "install", "lock"} <= named <= targets


def test_an_option_of_serve_in_the_readme_exists() -> None:
    (line,) = (line for line in README.splitlines() if "manage.py serve`" in line)
    named = set(re.findall(r"--[\w-]+", line))
    done = subprocess.run(
        [sys.executable, "manage.py", "serve", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert named <= set(re.findall(r"--[\w-]+", done.stdout))
    assert {"--host", "--port", "--workers", "--server", "--no-worker"} == named


@pytest.mark.parametrize(
    "document", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda d: d.name
)
def test_a_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_owner_exists_and_every_module_of_the_planes_has_one() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    owners = {
        path for row in re.findall(r"^\| (`.+?) \|", text, re.MULTILINE) for path in _code(row)
    }
    assert [owner for owner in owners if not (ROOT / owner).exists()] == []
    plumbing = {"__init__", "apps", "celery", "cli", "fields", "urls"}
    modules = {
        f"{room}/{path.name}{'/' if path.is_dir() else ''}"
        for room in ("omniroute", "gateway")
        for path in (ROOT / room).iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.stem not in plumbing
    }
    assert modules - {"omniroute/management/"} <= owners


def _code(row: str) -> list[str]:
    return re.findall(r"`([^`]+)`", row)


@pytest.mark.django_db
@pytest.mark.parametrize("document", ["README.md", "docs/configuration.md"])
def test_a_configuration_that_is_shown_is_right(
    document: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    catalogue.load(copy_few(tmp_path))
    monkeypatch.setenv("UPSTREAM_KEY", secrets.token_hex())
    monkeypatch.setenv("LAPTOP_KEY", f"sk-omni-{secrets.token_hex(16)}")
    (shown,) = re.findall(r"```yaml\n(.+?)```", (ROOT / document).read_text(), re.DOTALL)
    assert apply(read(shown), keep=False)


def test_the_lock_names_no_package_index() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        assert "index" not in re.sub(r"#.*", "", text)
        assert "://" not in text


def test_every_page_has_its_four_pictures_and_no_picture_is_of_another() -> None:
    pictures = {path.name for path in (ROOT / "docs/images").iterdir()}
    names = [shot.name for shot in shots("an-id")]
    assert pictures == {
        f"{name}-{theme}-{device}.webp" for name in names for theme in THEMES for device in DEVICES
    }
    assert sum(path.stat().st_size for path in (ROOT / "docs/images").iterdir()) < 4_000_000
