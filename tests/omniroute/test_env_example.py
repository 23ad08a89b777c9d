"""`.env.example` says what the settings do when nothing is set."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from providers import catalogue

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / ".env.example").read_text()
LISTED = dict(re.findall(r"^([A-Z_]+)=(.*)$", TEXT, re.MULTILINE))
PROVIDER_KEYS = {"OPENAI_API_KEY", "ANTHROPIC_API_KEY"}


def variables_read() -> set[str]:
    """The names in `env.str("NAME", …)` and its kin."""
    tree = ast.parse((ROOT / "omniroute/settings.py").read_text())
    return {
        str(ast.literal_eval(call.args[0]))
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "env"
        and call.func.attr != "read_env"
    }


def test_it_lists_exactly_what_is_read() -> None:
    assert set(LISTED) == variables_read() | PROVIDER_KEYS


def test_the_keys_of_the_other_providers_stand_where_it_says() -> None:
    page = (ROOT / "docs/providers.md").read_text()
    variables = {row.env_var for row in catalogue.read() if row.env_var}
    assert variables > PROVIDER_KEYS
    assert [name for name in sorted(variables) if f"`{name}`" not in page] == []
    assert "docs/providers.md" in TEXT


def test_each_is_listed_once_and_explained() -> None:
    names = re.findall(r"^([A-Z_]+)=", TEXT, re.MULTILINE)
    assert len(names) == len(set(names))
    for block in TEXT.split("\n\n")[1:]:
        assert block.lstrip().startswith("# "), block


SHOW = """
import json, sys
from django.conf import settings
print(json.dumps({name: getattr(settings, name, None) for name in sys.argv[1:]}, default=str))
"""


def shown(folder: Path, environment: dict[str, str]) -> str:
    """All of the settings with nothing but `environment` set."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW, *sorted(variables_read() - {"DATA_DIR"})],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "omniroute.settings",
            **environment,
            "DATA_DIR": str(folder),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif((ROOT / ".env").exists(), reason="a .env of the developer's own is read too")
def test_the_listed_values_are_the_defaults(tmp_path: Path) -> None:
    assert shown(tmp_path, LISTED) == shown(tmp_path, {})


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("SECRET_KEY", "short", "SECRET_KEY: at least 32 characters"),
        ("ENCRYPTION_KEYS", "not-a-fernet-key", "ENCRYPTION_KEYS: entry 1 is not a Fernet key"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT: 'xml' is neither"),
        ("PORT", "http", "PORT"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_variable(
    variable: str, value: str, words: str, tmp_path: Path
) -> None:
    environment: dict[str, Any] = {**os.environ, "DATA_DIR": str(tmp_path), variable: value}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert words in done.stderr
    if variable in ("SECRET_KEY", "ENCRYPTION_KEYS"):
        assert value not in done.stderr.replace("is not a Fernet key", "")
