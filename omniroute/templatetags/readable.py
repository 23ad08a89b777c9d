"""What is stored, as a page shows it."""

from django.template import Library

from analytics.costs import format_usd
from omniroute.console import readable

register = Library()


@register.filter
def visible(text: object) -> str:
    """What a text hides is told of; markup stays text, as anywhere in a template."""
    return readable.visible(str(text))


@register.filter
def price(picousd: int | None) -> str:
    """To the last digit: what a page says is what is billed."""
    return "unpriced" if picousd is None else f"${format_usd(picousd)}"
