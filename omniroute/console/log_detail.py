"""One request of the log, told in full: its attempts, its price, and what was said."""

import json
import shlex
from functools import cached_property
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext as _
from msgspec import Struct

from analytics.costs import Prices, cost_picousd, in_force
from analytics.models import RequestRecord
from gateway import page_calls, prices
from gateway.call import BODY_CHARS
from gateway.formats.kinds import CHAT_ADDRESS
from omniroute.console import readable
from omniroute.templatetags.amounts import duration, short, usd
from providers.models import ProviderModel


class Bar(Struct, frozen=True):
    """An attempt, and where it lies on the time of the request, in percent."""

    attempt: dict[str, Any]
    start: str
    width: str
    answered: bool


class Line(Struct, frozen=True):
    """Of a bill: so many tokens of a kind, at a price for each, in 10⁻¹² USD."""

    kind: str
    tokens: int
    each: int

    @property
    def cost(self) -> int:
        return self.tokens * self.each

    @property
    def per_million(self) -> int:
        return self.each * 1_000_000


class Body(Struct, frozen=True):
    """What was said: as a person reads it, and whether some of it is missing."""

    shown: str
    is_cut: bool


class Detail:
    """What the page of a request shows beside the columns of its row."""

    def __init__(self, row: RequestRecord) -> None:
        self._row = row

    # --- What was tried ----------------------------------------------------------------------

    @cached_property
    def bars(self) -> list[Bar]:
        ends = (a.get("at_ms", 0) + a["ms"] for a in self._row.attempts)
        total = max([self._row.duration_ms, *ends, 1])
        last = len(self._row.attempts) - 1
        return [
            Bar(
                attempt=attempt,
                start=f"{100 * attempt.get('at_ms', 0) / total:.2f}",
                width=f"{max(100 * attempt['ms'] / total, 0.5):.2f}",
                answered=place == last and attempt["error"] is None,
            )
            for place, attempt in enumerate(self._row.attempts)
        ]

    @property
    def first_byte(self) -> str:
        """Where on that time the first byte went out to the client, in percent."""
        row = self._row
        if row.first_byte_ms is None or not row.duration_ms:
            return ""
        return f"{min(100 * row.first_byte_ms / row.duration_ms, 100):.2f}"

    @cached_property
    def order(self) -> list[dict[str, str]]:
        """The candidates, and what put each where it is, in words."""
        return [
            {"model": one["model"], "connection": one["connection"], "score": _score(one)}
            for one in self._row.trace.get("order", ())
        ]

    # --- What it cost ------------------------------------------------------------------------

    @cached_property
    def bill(self) -> list[Line]:
        """By the price that the model has today for such a request at its time."""
        told = self._prices
        if told is None:
            return []
        row = self._row
        plain = max(row.input_tokens - row.cache_read_tokens - row.cache_write_tokens, 0)
        # Thoughts are a part of the output, and have a price of their own at few providers.
        thinks = told.more is not None and told.more.reasoning is not None
        thoughts = min(row.reasoning_tokens, row.output_tokens) if thinks else 0
        lines = [
            Line(_("input"), plain, told.input),
            Line(_("input from a cache"), row.cache_read_tokens, told.cache_read),
            Line(_("input into a cache"), row.cache_write_tokens, told.cache_write),
            Line(_("output"), row.output_tokens - thoughts, told.output),
        ]
        if told.more is not None and told.more.reasoning is not None:
            lines.append(Line(_("thinking"), thoughts, told.more.reasoning))
        return [line for line in lines if line.tokens]

    @cached_property
    def is_as_billed(self) -> bool:
        """Is what was charged what today's price comes to? Prices and rows change."""
        row = self._row
        today = cost_picousd(Counted(row), self._model_prices, row.time.timestamp())
        return today == row.cost_picousd

    @property
    def _prices(self) -> Prices | None:
        told = self._model_prices
        if told is None:
            return None
        return in_force(told, self._row.input_tokens, self._row.time.timestamp())

    @cached_property
    def _model_prices(self) -> Prices | None:
        alias, _slash, name = self._row.model.partition("/")
        model = ProviderModel.objects.filter(provider__alias=alias, name=name).first()
        try:
            return None if model is None else prices.of(model)
        except ValueError:  # the gateway leaves such a row out, and says so
            return None

    # --- What was said -----------------------------------------------------------------------

    @cached_property
    def request_body(self) -> Body:
        return _body(self._row.request_body)

    @cached_property
    def response_body(self) -> Body:
        return _body(self._row.response_body)

    @cached_property
    def curl(self) -> str:
        """The request as a command, its key left to the shell; empty where not all of it is kept."""
        if not self._is_whole:
            return ""
        # The playground's own address wants a session; what it asks is a chat as any client's.
        path = self._row.path
        path = CHAT_ADDRESS if path.startswith(page_calls.PREFIX) else iri_to_uri(path)
        return " \\\n  ".join(
            (
                f"curl {shlex.quote(settings.PUBLIC_URL + path)}",
                '-H "Authorization: Bearer $OMNIROUTE_API_KEY"',
                "-H 'Content-Type: application/json'",
                # In JSON's own words for what a terminal would obey.
                f"--data-raw {shlex.quote(json.dumps(_json(self._row.request_body)))}",
            )
        )

    @property
    def playground(self) -> str:
        """Where this can be asked again by hand."""
        if not self._is_whole:
            return ""
        try:
            return f"{reverse('playground')}?from={self._row.id}"
        except NoReverseMatch:
            return ""

    @cached_property
    def _is_whole(self) -> bool:
        return isinstance(_json(self._row.request_body), dict)


def _score(candidate: dict[str, Any]) -> str:
    """Empty where the configured order alone decided; of an old row it is not known of what it is."""
    score, measure = candidate.get("score"), candidate.get("measure")
    if score is None:
        return ""
    match measure:
        case "cost_picousd":
            return _("%(cost)s estimated") % {"cost": usd(round(score))}
        case "answer_s":
            return _("an answer in %(time)s") % {"time": duration(1000 * score)}
        case "load_s":
            return _("a wait of %(time)s") % {"time": duration(1000 * score)}
        case "used_tokens":
            return _("%(tokens)s tokens in an hour") % {"tokens": short(round(score))}
        case "weight":
            return _("weight %(weight)g") % {"weight": score}
        case "lot":
            return _("by its session")
    return _("score %(score)g") % {"score": score}


class Counted:
    """A row's tokens, as prices count them."""

    def __init__(self, row: RequestRecord) -> None:
        self.input_tokens, self.output_tokens = row.input_tokens, row.output_tokens
        self.cache_read_tokens = row.cache_read_tokens
        self.cache_write_tokens = row.cache_write_tokens
        self.cache_write_1h_tokens = 0  # which the log does not tell apart
        self.reasoning_tokens = row.reasoning_tokens
        self.units: dict[str, int] = row.units


def _body(text: str) -> Body:
    found = _json(text)
    shown = readable.legible(text) if found is None else readable.pretty(found)
    return Body(shown=shown, is_cut=len(text) >= BODY_CHARS)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
