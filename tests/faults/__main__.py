"""Writes docs/resilience.md: `python -m tests.faults`, which is a part of `make docs`."""

from tests.faults.table import PATH, document

PATH.write_text(document())
