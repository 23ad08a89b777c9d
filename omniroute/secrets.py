"""Secrets that the gateway makes for itself on first start and keeps in `DATA_DIR`."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet


def load_or_create(path: Path, make: Callable[[], str]) -> str:
    """Read a secret from `path`, or make one there with mode 0600.

    Two processes that start at once agree: the file appears whole, under one name, once.

    Raises:
        OSError: The folder cannot be written or the file cannot be read.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails where another process was first: its secret is used
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def secret_key(data_dir: Path) -> str:
    return load_or_create(data_dir / "secret_key", lambda: secrets.token_urlsafe(50))


def encryption_key(data_dir: Path) -> str:
    return load_or_create(data_dir / "encryption_keys", lambda: Fernet.generate_key().decode())
