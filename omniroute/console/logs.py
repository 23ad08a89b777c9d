"""The request log: a page of it, as a file, and one request of it."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from accounts.models import ApiKey, User
from analytics.models import RequestRecord
from combos.models import Combo
from omniroute.console.access import allowed, records_of, user_of
from omniroute.console.log_detail import Detail
from omniroute.console.log_export import FORMATS, exported
from omniroute.console.log_filters import LogFilters
from providers.models import Provider

PAGE = 50
SUGGESTIONS = 500
# What no row of the list shows, and what may be long.
UNSHOWN = ("request_body", "response_body", "request_headers", "trace", "attempts", "dropped")


@allowed()
def listing(request: HttpRequest) -> HttpResponseBase:
    """Newest first. `before` and `after` are ids: a page is found by its key, however far down."""
    user, filters = user_of(request), LogFilters(request.GET)
    context: dict[str, Any] = {"filters": filters}
    if filters.is_valid():
        rows = filters.within(records_of(user)).defer(*UNSHOWN)
        context |= page_of(rows, request.GET.get("before", ""), request.GET.get("after", ""))
    if request.headers.get("hx-request-type") == "partial":
        response = render(request, "logs/results.html", context)
        response["hx-push-url"] = f"{reverse('logs')}?{filters.query}".rstrip("?")
    else:
        response = render(request, "logs/list.html", context | _suggestions(user))
    patch_vary_headers(response, ["HX-Request-Type"])
    return response


def page_of(rows: QuerySet[RequestRecord], before: str, after: str) -> dict[str, Any]:
    """A page of rows, and whether there are newer and older ones."""
    if after:
        found = list(rows.filter(id__gt=after).order_by("id")[: PAGE + 1])
        newer, older, found = len(found) > PAGE, True, found[:PAGE][::-1]
    else:
        older_than = rows.filter(id__lt=before) if before else rows
        found = list(older_than.order_by("-id")[: PAGE + 1])
        newer, older, found = bool(before), len(found) > PAGE, found[:PAGE]
    return {"rows": found, "newer": newer, "older": older, "is_first": not before and not after}


@allowed()
def export(request: HttpRequest, format: str) -> HttpResponseBase:
    """What the page's filters find, newest first, up to a bound that the last line tells of."""
    filters = LogFilters(request.GET)
    if not filters.is_valid():
        return HttpResponse(filters.errors.as_text(), status=400, content_type="text/plain")
    rows = filters.within(records_of(user_of(request))).order_by("-id")
    return exported(rows, FORMATS[format])


@allowed()
def detail(request: HttpRequest, id: str) -> HttpResponseBase:
    row = get_object_or_404(records_of(user_of(request)), id=id)
    return render(request, "logs/detail.html", {"row": row, "detail": Detail(row)})


def _suggestions(user: User) -> dict[str, list[str]]:
    """Names for the filters, of what this person may see."""
    keys = ApiKey.objects.all()
    if not user.has_perm("accounts.view_apikey"):
        return {"keys": _names(keys.filter(owner=user), "name")}
    return {
        "keys": _names(keys, "name"),
        "providers": _names(Provider.objects.all(), "slug"),
        "combos": _names(Combo.objects.all(), "name"),
    }


def _names(rows: QuerySet[Any], column: str) -> list[str]:
    return list(rows.order_by(column).values_list(column, flat=True)[:SUGGESTIONS])
