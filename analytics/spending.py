"""What has been spent in the periods that budgets are for, as the log has it."""

from datetime import datetime

from django.db.models import Count, F, Q, Sum

from analytics.ids import first_id
from analytics.models import RequestRecord


def spent(by: str, starts: dict[str, datetime]) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Sums since the start of each period.

    Args:
        by: `key` or `user`.
        starts: When each period began.

    Returns:
        By name and period: 10⁻¹² USD, tokens, and requests that were let in.
    """
    sums: dict[str, Sum | Count] = {}
    for period, start in starts.items():
        since = Q(id__gte=first_id(start.timestamp()))
        sums |= {
            f"{period}_usd": Sum("cost_picousd", filter=since),
            f"{period}_tokens": Sum(F("input_tokens") + F("output_tokens"), filter=since),
            f"{period}_requests": Count("id", filter=since & ~Q(provider="")),
        }
    rows = (
        RequestRecord.objects.filter(id__gte=first_id(min(starts.values()).timestamp()))
        .exclude(**{by: ""})
        .order_by()
        .values(by)
        .annotate(**sums)
    )
    return {
        (row[by], period): (
            int(row[f"{period}_usd"] or 0),
            int(row[f"{period}_tokens"] or 0),
            int(row[f"{period}_requests"]),
        )
        for row in rows
        for period in starts
    }
