"""Amazon's signatures: Signature Version 4.

botocore and not a few lines of our own: it is Amazon's, it is kept, and its share of a call is
small (0.3 ms for a body of 100 KB, of which a third is the hash of the body). It is imported when
the first signature is made: a gateway process grows by 6 MiB, and only where Amazon is called.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
(read 2026-11)
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from providers.credentials import CredentialUnreadable, resolve

MANTLE = "bedrock-mantle"


def service_of(url: str) -> str:
    """By whose name a request is signed: Mantle has its own, and bedrock-runtime is Bedrock."""
    return MANTLE if MANTLE in (urlsplit(url).hostname or "").split(".") else "bedrock"


def sign(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    auth: Mapping[str, Any],
    now: datetime,
    service: str | None = None,
) -> dict[str, str]:
    """The headers that make a request Amazon's: to be sent with these very bytes, to this very URL.

    Args:
        url: As it goes over the wire, percent-encoded. What is signed is its path encoded once
            more, as everywhere at Amazon except in S3.
        headers: Those of the request. Of them `content-type` and `x-amz-*` are signed; others may
            change on their way.
        auth: `access_key_id`, `secret_access_key`, `region`, and of temporary keys
            `session_token`; each but the region may be `env:NAME` or `file:PATH`.
        now: The signature holds for five minutes around it.
        service: Null: as the host says.

    Returns:
        `authorization`, `x-amz-date`, and with a session token `x-amz-security-token`.

    Raises:
        CredentialUnreadable: A variable or a file is not there, or a field is missing.
    """
    # `add_auth` would do all of this, and write the signature into the log.
    from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
    from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
    from botocore.credentials import Credentials  # type: ignore[import-untyped]

    added = {"x-amz-date": now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")}
    if auth.get("session_token"):
        added["x-amz-security-token"] = resolve(auth["session_token"])
    keys = Credentials(*(resolve(_field(auth, n)) for n in ("access_key_id", "secret_access_key")))
    signed = {name: value for name, value in headers.items() if _is_signed(name.lower())}
    request = AWSRequest(method, url, headers=signed | added, data=body)
    request.context["timestamp"] = added["x-amz-date"]
    signer = SigV4Auth(keys, service or service_of(url), _field(auth, "region"))
    words = signer.string_to_sign(request, signer.canonical_request(request))
    names = signer.signed_headers(signer.headers_to_sign(request))
    signature = signer.signature(words, request)
    added["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return added


def _is_signed(name: str) -> bool:
    return name == "content-type" or (name.startswith("x-amz-") and name != "x-amz-date")


def _field(auth: Mapping[str, Any], name: str) -> str:
    value = auth.get(name)
    if not isinstance(value, str) or not value:
        raise CredentialUnreadable(f"the credential lacks {name}")
    return value
