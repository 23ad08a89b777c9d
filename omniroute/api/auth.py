"""Who manages: a signed-in person, or a key of scope `manage`, which has its owner's role."""

from django.conf import settings
from django.http import HttpRequest
from ninja.utils import check_csrf

from accounts.keys import hash_key
from accounts.models import ApiKey, User
from gateway import admission
from gateway.errors import NotAllowed
from gateway.snapshot import networks_of
from omniroute.addresses import client_address
from omniroute.api.errors import ApiError


def authenticate(request: HttpRequest) -> User:
    """Raises `ApiError` 401 for nobody, 403 for a key that may manage nothing, or not from here."""
    if key := _key(request):
        return _owner(key, request)
    if not isinstance(request.user, User):
        raise ApiError(401, "sign in, or send a key of scope manage", code="invalid_api_key")
    if check_csrf(request):
        raise ApiError(403, "the CSRF token is missing or wrong")
    return request.user


def _key(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    found = {bearer, request.headers.get("x-api-key", "").strip()} - {""}
    if len(found) > 1:
        raise ApiError(401, "the request carries two different API keys", code="invalid_api_key")
    return found.pop() if found else ""


def binding(request: HttpRequest) -> str:
    """Who goes on with what they began: this session of a browser, or the owner of a key."""
    if _key(request):
        user: User = request.auth  # type: ignore[attr-defined]  # ninja puts it there
        return f"key of user {user.pk}"
    return f"session {request.session.session_key}"


def _owner(key: str, request: HttpRequest) -> User:
    rows = ApiKey.objects.usable().select_related("owner")
    row = rows.filter(sha256=hash_key(key)).first()
    if row is None:
        raise ApiError(401, "the API key is not valid", code="invalid_api_key")
    if row.scope != ApiKey.Scope.MANAGE or row.owner is None:
        raise ApiError(403, "this API key can manage nothing: it needs scope manage and an owner")
    try:
        admission.check_address(networks_of(row), _address(request))
    except NotAllowed:
        raise ApiError(403, "this API key may not be used from this address") from None
    request.key_name = row.name  # type: ignore[attr-defined]  # for the history
    return row.owner


def _address(request: HttpRequest) -> str:
    return client_address(
        request.META.get("REMOTE_ADDR", ""),
        request.headers.get("x-forwarded-for", ""),
        settings.TRUSTED_PROXIES,
    )


def require(request: HttpRequest, permission: str) -> User:
    """Raises `ApiError` 403 where the role does not allow it."""
    user: User = request.auth  # type: ignore[attr-defined]  # ninja puts it there
    if not user.has_perm(permission):
        raise ApiError(403, f"the role {user.role} may not do this ({permission})")
    return user
