"""The request log."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from analytics.ids import first_id
from omniroute.console.access import allowed, records_of, user_of

PAGE = 50


@allowed()
def listing(request: HttpRequest) -> HttpResponse:
    since = timezone.now() - timedelta(hours=24)
    rows = records_of(user_of(request)).filter(id__gte=first_id(since.timestamp()))
    rows = rows.defer("request_body", "response_body", "trace", "attempts")
    return render(request, "logs/list.html", {"rows": rows.order_by("-id")[:PAGE]})
