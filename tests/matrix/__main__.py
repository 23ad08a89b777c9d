"""Writes docs/formats.md: `python -m tests.matrix`, which is `make docs`."""

from tests.matrix.table import PATH, document

PATH.write_text(document())
