"""One shape for every error under `/api`, whoever raises it: OpenAI's, as clients know it."""

import logging
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import ProtectedError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.errors import ValidationError as ShapeError

from omniroute.configuration.errors import of_row

log = logging.getLogger(__name__)


class ApiError(Exception):
    def __init__(self, status: int, message: str, *, code: str = "", param: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.param = status, code, param


KINDS = {401: "authentication_error", 403: "permission_error", 500: "server_error"}


def answer(status: int, message: str, *, code: str = "", param: str = "") -> JsonResponse:
    kind = KINDS.get(status, "invalid_request_error")
    error = {"message": message, "type": kind, "param": param or None, "code": code or None}
    return JsonResponse({"error": error}, status=status)


def register(api: NinjaAPI) -> None:
    """Map everything that a view or ninja itself may raise."""

    @api.exception_handler(ApiError)
    def of_ours(request: HttpRequest, error: ApiError) -> HttpResponse:
        return answer(error.status, str(error), code=error.code, param=error.param)

    @api.exception_handler(ShapeError)
    def of_shape(request: HttpRequest, error: ShapeError) -> HttpResponse:
        first = error.errors[0]
        place = ".".join(str(step) for step in first["loc"] if step not in ("body", "query"))
        place = place.removeprefix("entry.")
        return answer(400, f"{place}: {first['msg']}", param=place)

    @api.exception_handler(HttpError)
    def of_ninja(request: HttpRequest, error: HttpError) -> HttpResponse:
        return answer(error.status_code, str(error))

    @api.exception_handler(ValidationError)
    def of_rows(request: HttpRequest, error: ValidationError) -> HttpResponse:
        path, words = of_row(error)[0]
        return answer(400, f"{path}: {words}" if path else words, param=path)

    @api.exception_handler(ProtectedError)
    def of_use(request: HttpRequest, error: ProtectedError) -> HttpResponse:
        return answer(409, "something else still uses it")

    @api.exception_handler(Http404)
    def of_absence(request: HttpRequest, error: Http404) -> HttpResponse:
        return answer(404, "there is nothing of that name", code="not_found")

    @api.exception_handler(Exception)
    def of_any(request: HttpRequest, error: Exception) -> HttpResponse:
        log.exception("%s %s failed", request.method, request.path)
        return answer(500, "the gateway failed; its log has why")


def json_errors(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: Django's and ninja's own pages for an unknown path and a wrong method."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response: Any = get_response(request)
        is_page = not response.get("content-type", "").startswith("application/json")
        if request.path.startswith("/api/") and response.status_code in (404, 405) and is_page:
            words = {404: f"there is nothing at {request.path[:200]}", 405: "not possible here"}
            return answer(response.status_code, words[response.status_code])
        return response  # type: ignore[no-any-return]

    return middleware
