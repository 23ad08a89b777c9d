"""Dockerfile and compose file as the engines read them, as far as ours go.

`build` runs a Dockerfile's own steps in a folder: the container's paths lie below it, `python` is
a fresh virtual environment, and accounts are noted instead of made.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]

# --- Dockerfile ------------------------------------------------------------------------------


def steps(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, with their arguments."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ")
    return [(name, rest.strip()) for name, _, rest in (s.partition(" ") for s in whole.split("\n"))]


def argv(command: str) -> list[str]:
    """The words of a command in exec form."""
    words = json.loads(command)
    assert isinstance(words, list)
    return [str(word) for word in words]


@dataclass
class Image:
    """What a Dockerfile makes. Paths in `environment` are this machine's, below `root`."""

    root: Path
    base: str = ""
    workdir: str = "/"
    user: str = "root"
    accounts: set[str] = field(default_factory=set)
    environment: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    health_check: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    stop_signal: str = ""

    def path(self, inside: str) -> Path:
        return self.root / os.path.join(self.workdir, inside).lstrip("/")

    def process_environment(self) -> dict[str, str]:
        """What a process in the container would see; nothing of the developer's own."""
        folders = [self.root / "python/bin", self.root / "shims"]
        path = os.pathsep.join([*map(str, folders), os.defpath])
        return {"PATH": path, "HOME": "/nonexistent", **self.environment}


def build(root: Path, context: Path, dockerfile: str) -> Image:
    """Run the steps, one by one, in `root`, which is empty.

    Raises:
        AssertionError: A step failed, or is none that is understood here.
    """
    image = Image(root)
    subprocess.run([sys.executable, "-m", "venv", str(root / "python")], check=True)
    _shim(root, "useradd")
    _shim(root, "chown")
    for name, rest in steps(dockerfile):
        assert name in _STEPS, f"{name} is not understood"
        _STEPS[name](image, rest, context)
    return image


def _shim(root: Path, name: str) -> None:
    """A program that only writes down how it was called."""
    (root / "shims").mkdir(exist_ok=True)
    file = root / "shims" / name
    file.write_text(f'#!/bin/sh\necho "$@" >> "{root}/shims/{name}.calls"\n')
    file.chmod(0o755)


def _from(image: Image, rest: str, context: Path) -> None:
    image.base = rest


def _env(image: Image, rest: str, context: Path) -> None:
    for pair in rest.split():
        name, _, value = pair.partition("=")
        image.environment[name] = str(image.path(value)) if value.startswith("/") else value


def _workdir(image: Image, rest: str, context: Path) -> None:
    image.workdir = rest
    image.path(".").mkdir(parents=True, exist_ok=True)


def _copy(image: Image, rest: str, context: Path) -> None:
    *sources, to = rest.split()
    target = image.path(to)
    for source in sources:
        if (context / source).is_dir():
            shutil.copytree(context / source, target, dirs_exist_ok=True)
        else:
            shutil.copy(context / source, target)


def _run(image: Image, rest: str, context: Path) -> None:
    command = re.sub(r"(?<=\s)/(?=\w)", f"{image.root}/", rest)
    environment = image.process_environment()
    del environment["PIP_NO_CACHE_DIR"]  # here the cache is what makes this bearable
    environment["HOME"] = os.environ.get("HOME", "/nonexistent")
    environment |= {name: os.environ[name] for name in os.environ if name.startswith("PIP_")}
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=image.path("."),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"RUN {rest}\n{done.stdout[-3000:]}"
    calls = image.root / "shims/useradd.calls"
    if calls.exists():
        image.accounts = {line.split()[-1] for line in calls.read_text().splitlines()}


def _user(image: Image, rest: str, context: Path) -> None:
    assert rest in image.accounts, f"USER {rest}: there is no such account"
    image.user = rest


def _health_check(image: Image, rest: str, context: Path) -> None:
    image.health_check = argv(rest.partition("CMD ")[2])


def _stop_signal(image: Image, rest: str, context: Path) -> None:
    image.stop_signal = rest


_STEPS: dict[str, Callable[[Image, str, Path], None]] = {
    "FROM": _from,
    "ENV": _env,
    "WORKDIR": _workdir,
    "COPY": _copy,
    "RUN": _run,
    "USER": _user,
    "VOLUME": lambda image, rest, context: image.volumes.append(rest),
    "EXPOSE": lambda image, rest, context: image.ports.append(rest),
    "STOPSIGNAL": _stop_signal,
    "HEALTHCHECK": _health_check,
    "CMD": lambda image, rest, context: image.command.extend(argv(rest)),
}


def copy_context(target: Path) -> None:
    """What an engine would be sent: the repository without what .dockerignore names."""
    patterns = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]

    def ignored(folder: str, names: Iterable[str]) -> set[str]:
        return {name for name in names if _is_ignored(Path(folder) / name, patterns)}

    shutil.copytree(ROOT, target, ignore=ignored)


def _is_ignored(path: Path, patterns: Iterable[str]) -> bool:
    relative = str(path.relative_to(ROOT))
    return any(
        fnmatch(path.name, pattern[3:]) if pattern.startswith("**/") else fnmatch(relative, pattern)
        for pattern in patterns
    )


# --- Compose ---------------------------------------------------------------------------------

_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?+])((?:[^{}]|\$\{[^{}]*\})*))?\}")


def interpolate(text: str, environment: Mapping[str, str]) -> str:
    """Raises `AssertionError` for a variable that is required and not set."""

    def value(found: re.Match[str]) -> str:
        name, how, word = found.groups()
        given = environment.get(name, "")
        assert given or how != "?", f"{name}: {word}"
        if how == "+":
            return interpolate(word, environment) if given else ""
        return given or interpolate(word or "", environment)

    return _VARIABLE.sub(value, text)


def compose(environment: Mapping[str, str]) -> dict[str, Any]:
    """The compose file, as it is with these variables set."""
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    filled = _fill(document, environment)
    assert isinstance(filled, dict)
    return filled


def _fill(value: Any, environment: Mapping[str, str]) -> Any:
    match value:
        case str():
            return interpolate(value, environment)
        case list():
            return [_fill(item, environment) for item in value]
        case dict():
            return {key: _fill(item, environment) for key, item in value.items()}
    return value
