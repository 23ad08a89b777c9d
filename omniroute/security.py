"""What a browser may do with our pages."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_COMMON = (
    "default-src 'self'",
    "img-src 'self' data: blob:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
)
# Scripts and style sheets are files of ours; an attribute may say how wide a bar is.
POLICY = "; ".join(
    (*_COMMON, "script-src 'self'", "style-src 'self'", "style-src-attr 'unsafe-inline'")
)
# Alpine, which the Admin's theme is built with, evaluates the expressions in its attributes.
ADMIN_POLICY = "; ".join(
    (*_COMMON, "script-src 'self' 'unsafe-eval'", "style-src 'self' 'unsafe-inline'")
)
_ADMIN = ("/admin/", "/api/docs")  # and the API's own page


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: nothing is loaded from, or sent to, another host."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        policy = ADMIN_POLICY if request.path.startswith(_ADMIN) else POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        return response

    return middleware
