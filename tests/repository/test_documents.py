"""What the repository says of itself is true."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROVIDER_KEYS = {"OPENAI_API_KEY", "ANTHROPIC_API_KEY"}


def settings_read() -> set[str]:
    text = (ROOT / "omniroute/settings.py").read_text()
    return set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', text))


def test_the_example_environment_lists_exactly_what_is_read() -> None:
    listed = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert listed == settings_read() | PROVIDER_KEYS


@pytest.mark.parametrize(
    "command", ["bootstrap", "serve", "config", "rotate_keys", "reset_password"]
)
def test_a_command_of_the_readme_exists(command: str) -> None:
    assert command in (ROOT / "README.md").read_text()
    done = subprocess.run(
        [sys.executable, "manage.py", command, "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_lock_names_no_package_index() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        assert "index" not in re.sub(r"#.*", "", text)
        assert "://" not in text
