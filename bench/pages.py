"""`python -m bench pages`: how long pages take over a long request log, asked for as a browser asks.

Makes a database of its own (SQLite in a folder of its own, or with `--postgres URL` a new one on that
server), fills it (`bench.rows`), and measures a real server. Fails where a page takes longer than its
bound, or where a sum is not that of the log to 10⁻¹² USD (`bench.sums`, and what the overview says).

`--keep NAME`: in the database of that name, which stays, and is filled only where it is empty.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from bench.log import KEYS
from bench.site import ROUNDS, Browser, Page, Site, browsing, site

PAGE = 50  # rows of the log's page
DEEP = 1000
HOUR_ROWS, HOUR_S = 100_000, 5.0
LOG = "analytics_requestrecord"


def pages(newest: datetime, deep: str) -> list[Page]:
    """Up to the newest request, however long ago that was. `deep` is the last id of page 999."""
    until = newest.replace(second=0, microsecond=0) + timedelta(minutes=1)

    def overview(days: float, by: str, zone: str = "UTC") -> str:
        since, end = (
            f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"
            for at in (until - timedelta(days=days), until)
        )
        told = {"range": "custom", "since": since, "until": end, "zone": zone, "stack": by}
        return f"/?{urlencode(told)}"

    log = f"/logs/?until={until:%Y-%m-%dT%H:%MZ}"
    (busiest, _), (rarest, _) = KEYS[0], KEYS[-1]
    return [
        Page("overview, an hour by provider", overview(1 / 24, "provider"), 300),
        Page("overview, 24 hours by model", overview(1, "model"), 300),
        Page("overview, 7 days by combo", overview(7, "combo"), 300),
        Page("overview, 30 days by key", overview(30, "key", "Europe/Vienna"), 300),
        Page("overview, 90 days by model", overview(90, "model"), 300),
        Page("overview, a year by tag", overview(365, "tag"), 300),
        Page("log, first page", log, 200),
        Page(f"log, page {DEEP:,}", f"{log}&range=90d&before={deep}", 200),
        Page("log of the busiest key, 90 days", f"{log}&range=90d&key={busiest}", 300),
        Page("log of the rarest key, 90 days", f"{log}&range=90d&key={rarest}", 300),
    ]


def measure(site: Site) -> tuple[list[tuple[Page, float, float]], list[str]]:
    """Of each page the median and the slowest; and what it tells wrong."""
    (newest,) = site.ask(f"SELECT max(time) FROM {LOG}")
    before = PAGE * (DEEP - 1) - 1
    (deep,) = site.ask(f"SELECT id FROM {LOG} ORDER BY id DESC LIMIT 1 OFFSET {before}")
    with browsing(site) as browser:
        listed = pages(datetime.fromisoformat(newest).astimezone(UTC), deep)
        return [(page, *browser.times(page)) for page in listed], list(_wrong(site, browser))


def _wrong(site: Site, browser: Browser) -> Iterator[str]:
    """Where the overview's totals are not what the log of that time adds up to."""
    for length in ("30d", "1y"):
        shown = browser.json(f"/overview.json?range={length}")["items"][0]
        logged = site.ask(
            "SELECT count(*), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), "
            "coalesce(sum(CASE tier WHEN 'subscription' THEN 0 ELSE cost_picousd END), 0) "
            f"FROM {LOG} WHERE time >= '{shown['start'].replace('T', ' ').removesuffix('Z')}'"
        )
        picousd = Decimal(shown["cost_usd"]) * 10**12
        told = [shown["requests"], shown["input_tokens"], shown["output_tokens"], int(picousd)]
        if [str(value) for value in told] != logged:
            yield f"the overview of {length} tells {told}, the log {logged}"


def _hour(postgres: str) -> float:
    """Seconds to roll up an hour of 100,000 requests."""
    with site(postgres) as empty:
        empty.run("manage.py", "migrate", "--verbosity", "0")
        told = empty.run("-m", "bench", "rows", f"--count={HOUR_ROWS}", f"--days={1 / 24}")
        return float(told.split()[-2])


def _fill(site: Site, count: int, days: float) -> int:
    """Returns how many requests there are."""
    site.prepare()
    print(site.run("-m", "bench", "rows", f"--count={count}", f"--days={days}"), end="")
    (there,) = site.ask(f"SELECT count(*) FROM {LOG}")
    return int(there)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench pages")
    parser.add_argument("--postgres", default="", metavar="URL")
    parser.add_argument("--keep", default="", metavar="NAME", help="a database on that server")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--days", type=float, default=90)
    told = parser.parse_args(arguments)
    if told.keep and not told.postgres:
        parser.error("--keep needs --postgres")
    hour_s = _hour(told.postgres)
    with site(told.postgres, told.keep) as filled:
        count = _fill(filled, told.count, told.days)
        print(filled.run("-m", "bench", "sums"), flush=True)
        found, wrong = measure(filled)
    kind = "PostgreSQL" if told.postgres else "SQLite"
    print(
        f"| {kind}, {count:,} requests | median | slowest of {ROUNDS} | bound |\n|---|---|---|---|"
    )
    for page, median, slowest in found:
        print(f"| {page.name} | {median:.0f} ms | {slowest:.0f} ms | {page.bound_ms:.0f} ms |")
        if median > page.bound_ms:
            wrong.append(f"{page.name} takes {median:.0f} ms")
    print(f"| rolling up an hour of {HOUR_ROWS:,} requests | {hour_s:.1f} s | | {HOUR_S:.0f} s |")
    print(f"Load average: {os.getloadavg()[0]:.1f}, on {os.cpu_count()} cores.")
    if hour_s > HOUR_S:
        wrong.append(f"an hour of {HOUR_ROWS:,} requests is rolled up in {hour_s:.1f} s")
    if wrong:
        sys.exit("\n".join(wrong))
