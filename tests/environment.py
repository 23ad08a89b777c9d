"""What tests find in the environment; the developer's own is not for them.

A plugin, named in `addopts`, because pytest-django reads the settings before any conftest is
imported, and because a worker of pytest-xdist inherits the folder of the process that began it.
"""

import os
import re
import tempfile
from pathlib import Path

_folder = tempfile.TemporaryDirectory(prefix=f"omniroute-test-{os.getpid()}-")
os.environ["DATA_DIR"] = _folder.name
os.environ.pop("PUBLIC_URL", None)
for _name in ("DATABASE_URL", "REDIS_URL"):  # tests/services.py may use the servers named so
    os.environ.setdefault(f"TESTS_{_name}", os.environ.get(_name, ""))
for _name in (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "ENCRYPTION_KEYS",
    "ADMIN_PASSWORD",
    "API_KEY",
    *(  # each would make a connection; read without Django, whose settings are not ready
        name
        for path in (Path(__file__).parents[1] / "providers/catalog").glob("*.yaml")
        for name in re.findall(r"^env_var: (\w+)$", path.read_text("utf-8"), re.MULTILINE)
    ),
):
    os.environ[_name] = ""  # and not absent, which a developer's .env would fill in
