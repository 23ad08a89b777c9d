"""Amounts as a person reads them at a glance."""

from decimal import ROUND_HALF_UP, Context, Decimal

from django.template import Library

from analytics.costs import PICO

register = Library()

NOTHING = "\N{EN DASH}"

_STEPS = [(10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")]
_SMALL = Context(prec=3, rounding=ROUND_HALF_UP)


@register.filter
def short(number: int) -> str:
    """Three digits of it: `950`, `12.3k`, `1.2M`."""
    for size, letter in _STEPS:
        if abs(number) >= size:
            return f"{_plain(_SMALL.create_decimal(Decimal(number) / size))}{letter}"
    return str(number)


@register.filter
def usd(picousd: int) -> str:
    """To the cent, or what is less than a dollar to three digits: `$12.50`, `$0.00138`."""
    amount, sign = Decimal(abs(picousd)).scaleb(-PICO), "-" if picousd < 0 else ""
    if amount >= 1:
        return f"{sign}${amount.quantize(Decimal('0.01'), ROUND_HALF_UP):,}"
    return f"{sign}${_plain(_SMALL.create_decimal(amount))}" if amount else "$0"


@register.filter
def amount(value: int, unit: str) -> str:
    """Of a budget: money, or a whole number of tokens or requests."""
    return usd(value) if unit == "usd" else f"{value:,}"


@register.filter
def duration(ms: float | None) -> str:
    """`230 ms`, `1.4 s`; a dash where nothing was measured."""
    if ms is None:
        return NOTHING
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


@register.filter
def rate(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0f}"


@register.filter
def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "0%"


@register.filter
def change(now: int, before: int) -> str:
    """How it differs from what it was: `+12%`; empty where there was nothing."""
    if not before:
        return ""
    return f"{100 * (now - before) / before:+,.0f}%"


def _plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
