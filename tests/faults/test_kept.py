"""Of calls that failed nothing stays in memory."""

from pathlib import Path

import aiohttp
import pytest

from tests.e2e.gateway import Gateway, keyed
from tests.faults.calls import call
from tests.faults.cases import MEASURED
from tests.faults.upstream import Upstream
from tests.matrix.scenarios import Ask

# Of each: how large the call's body is, and what may be kept of all calls together: less than two
# bodies, or than four answers of which 64 MB were read.
KEPT_MB = {"refuses": (20, 40), "error-midway": (20, 40), "huge": (0, 240)}


@pytest.mark.parametrize("fault", MEASURED)
async def test_of_a_call_that_failed_nothing_is_kept(
    fault: str, gateway: Gateway, upstream: Upstream
) -> None:
    cases, (body_mb, kept_mb) = MEASURED[fault], KEPT_MB[fault]
    ask = Ask("Say hello." + "x" * (body_mb << 20))
    async with aiohttp.ClientSession(headers=keyed()) as session:
        await call(session, gateway.url, cases[0], upstream, ask)
        before = resident_mb(gateway)
        for case in [*cases, cases[-1]]:
            await call(session, gateway.url, case, upstream, ask)
    assert resident_mb(gateway) < before + kept_mb


def resident_mb(gateway: Gateway) -> int:
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) >> 10
