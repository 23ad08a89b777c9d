"""Without recordings nothing here can run, and that is said aloud."""

import pytest

from tests import services
from tests.gateway.formats.corpus.recordings import FOLDER


@pytest.fixture(autouse=True)
def _recorded_traffic() -> None:
    services.want(FOLDER, "the recorded traffic (CORPUS_DIR)")
