"""Ending what keeps calls away, by an operator's word, in every process."""

from gateway import runtime
from providers import clearings


def clear(connection: str | None = None, model: str | None = None) -> int:
    """Of all, of a connection, or of one model on it: here at once, elsewhere within seconds.

    Returns:
        How many cooldowns and open breakers that ended in this process.
    """
    clearings.note(connection, model)
    process = runtime.current()
    return process.on_loop(process.clear_health(connection, model)) if process else 0
