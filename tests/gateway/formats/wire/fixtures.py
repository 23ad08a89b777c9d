"""The files under tests/wire/<format>/: streams, a request and an answer, all of our own."""

import base64
from pathlib import Path

WIRE = Path(__file__).parents[3] / "wire"


def streams(name: str) -> list[Path]:
    """A format's streams: all files that are no bodies."""
    return sorted(path for path in (WIRE / name).iterdir() if path.suffix != ".json")


def bodies(name: str) -> list[Path]:
    return sorted((WIRE / name).glob("*.json"))


def stream_of(path: Path) -> bytes:
    """A stream's bytes; of a binary one each line is a message in base64."""
    data = path.read_bytes()
    if path.suffix != ".b64":
        return data
    return b"".join(base64.b64decode(line, validate=True) for line in data.splitlines())
