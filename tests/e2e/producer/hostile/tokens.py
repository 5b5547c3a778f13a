"""Hostile tokens: missing, invalid, or without the scope of the call."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.e2e.producer.hostile.wire import TOKEN, Hostile, head, post, token
from tests.support.service import BULK, GOOD, SECRET

NOW = datetime.now(UTC)
CLAIMS = {
    "sub": "usr_a",
    "tenant_id": "tnt_a",
    "scope": "communication:send",
    "iat": NOW,
    "exp": NOW + timedelta(days=1),
}


def claims(**changes: Any) -> str:
    """Return a token with other claims. None removes a claim."""
    payload = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return jwt.encode(payload, SECRET, algorithm="HS256")


def sending(scope: str = "communication:send", **changes: Any) -> bytes:
    return post(orjson.dumps({**GOOD, **changes}), bearer=token(scope))


ONE_HOUR = timedelta(hours=1)
UNSIGNED = jwt.encode(CLAIMS, "", algorithm="none")
FOREIGN = jwt.encode(CLAIMS, Ed25519PrivateKey.generate(), algorithm="EdDSA")

# A signature by HS256 has 32 bytes, written as 43 characters of base64. 40 of them are 30 bytes. 37 of them are not a
# whole number of bytes. 39 of them are valid only if the last two bits are zero, as in one token of four.
TOKENS = (
    Hostile("no token", post(bearer=None), 401, "a bearer token is required"),
    Hostile("an empty token", post(bearer=""), 401, "a bearer token is required"),
    Hostile("a token in the query", post(path=f"{BULK}?access_token={TOKEN}", bearer=None), 401, "is required"),
    Hostile("a token in a cookie", post(b"", f"Cookie: access_token={TOKEN}", bearer=None), 401, "is required"),
    Hostile("a token in the body", post(f"access_token={TOKEN}".encode(), bearer=None), 401, "is required"),
    Hostile("two tokens", post(b"", f"Authorization: Bearer {TOKEN}"), 401, "is required"),
    Hostile("a token of another scheme", post(b"", f"Authorization: Basic {TOKEN}", bearer=None), 401, "is required"),
    Hostile("a token without its scheme", post(b"", f"Authorization: {TOKEN}", bearer=None), 401, "is required"),
    Hostile("a token of null bytes", post(bearer="%00%00"), 401, "is not a JSON Web Token"),
    Hostile("a token in three parts", post(bearer="a.b.c"), 401, "is not a JSON Web Token"),
    Hostile("a token with a comma", post(bearer=f"{TOKEN}, {TOKEN}"), 401, "the token"),
    Hostile("a token that is not ASCII", post(bearer="\xe9\xe8"), 401, "is not a JSON Web Token"),
    Hostile("a token of 60 KB", post(bearer="a" * 60_000), 400, "Authorization: must have at most 16,384"),
    Hostile("a token cut within a byte", post(bearer=TOKEN[:-6]), 401, "the token is not a JSON Web Token"),
    Hostile("a token cut after a byte", post(bearer=TOKEN[:-3]), 401, "the signature of the token does not match"),
    Hostile("another signature", post(bearer=f"{TOKEN[:-4]}AAAA"), 401, "the signature of the token does not match"),
    Hostile("another key", post(bearer=jwt.encode(CLAIMS, SECRET * 2, algorithm="HS256")), 401, "does not match"),
    Hostile("no algorithm", post(bearer=UNSIGNED), 401, "algorithm"),
    Hostile("another algorithm of the family", post(bearer=jwt.encode(CLAIMS, SECRET * 2, "HS512")), 401, "algorithm"),
    Hostile("an algorithm of another family", post(bearer=FOREIGN), 401, "algorithm"),
    Hostile("expired", post(bearer=claims(exp=NOW - ONE_HOUR)), 401, "has expired"),
    Hostile("valid from tomorrow on", post(bearer=claims(nbf=NOW + 12 * ONE_HOUR)), 401, "not valid yet"),
    Hostile("issued tomorrow", post(bearer=claims(iat=NOW + 12 * ONE_HOUR)), 401, "not valid yet"),
    Hostile("an endless token", post(bearer=claims(exp=float("inf"))), 401, "exp"),
    Hostile("an expiry that is a word", post(bearer=claims(exp="never")), 401, "exp"),
    Hostile("no expiry", post(bearer=claims(exp=None)), 401, "lacks the claim exp"),
    Hostile("no time of issue", post(bearer=claims(iat=None)), 401, "lacks the claim iat"),
    Hostile("no user", post(bearer=claims(sub=None)), 401, "lacks the claim sub"),
    Hostile("an empty user", post(bearer=claims(sub="")), 401, "sub"),
    Hostile("a user that is a number", post(bearer=jwt.encode({**CLAIMS, "sub": 7}, SECRET)), 401, "sub"),
    Hostile("no tenant", post(bearer=claims(tenant_id=None)), 401, "tenant_id"),
    Hostile("a tenant that is a list", post(bearer=claims(tenant_id=["tnt_a"])), 401, "tenant_id"),
    Hostile("a tenant with a wildcard", post(bearer=claims(tenant_id="*")), 401, "tenant_id"),
    Hostile("a tenant of two lines", post(bearer=claims(tenant_id="tnt_a\n")), 401, "tenant_id"),
)

RIGHTS = (
    Hostile("no scope", post(bearer=claims(scope=None)), 403, "communication:send"),
    Hostile("a scope for reading", sending("communication:read"), 403, "communication:send"),
    Hostile("a scope in capitals", sending("COMMUNICATION:SEND"), 403, "communication:send"),
    Hostile("a scope that begins alike", sending("communication:send_as"), 403, "communication:send"),
    Hostile("a scope that is a number", post(bearer=claims(scope=7)), 403, "communication:send"),
    Hostile("a scope that is an object", post(bearer=claims(scope={SECRET[:1]: 1})), 403, "communication:send"),
    Hostile("another's user_id", sending(user_id="usr_b"), 403, "user_id: "),
    Hostile("another's user_id in other letters", sending(user_id="USR_A"), 403, "user_id: "),
    Hostile("another's tenant_id", sending(tenant_id="tnt_b"), 403, "tenant_id: "),
    Hostile("another's tenant_id, as an admin", sending("communication:admin", tenant_id="tnt_b"), 403, "tenant_id: "),
)

_PAUSE = "/communication/requests/r-1/pause"


def take_back(path: str) -> bytes:
    return head(f"DELETE {path} HTTP/1.1", f"Authorization: Bearer {TOKEN}")


CONTROLS = (
    Hostile("a control call without a token", post(b"", path=_PAUSE, bearer=None), 401, "a bearer token is required"),
    Hostile(
        "a control call by a reader",
        post(b"", path=_PAUSE, bearer=token("communication:read")),
        403,
        "communication:send",
    ),
    Hostile("a control call with a parameter", post(b"", path=f"{_PAUSE}?tenant_id=tnt_b"), 400, "(unknown): is not"),
    Hostile("a control call about nothing", post(b"", path=_PAUSE), 404, "request not found"),
    Hostile(
        "a control call about nothing, with a body",
        post(b"{broken", path=_PAUSE, media="text/plain"),
        404,
        "request not found",
    ),
    Hostile(
        "a control call about nothing, with 20 MB",
        lambda: post(b" " * 20_000_000, path=_PAUSE),
        404,
        "request not found",
    ),
    Hostile("a control call of another kind", post(b"", path="/communication/requests/r-1/explode"), 404),
    Hostile("a control call about a path", post(b"", path="/communication/requests/..%2F..%2Fr-1/cancel"), 404),
    Hostile(
        "a control call about 10 KB",
        post(b"", path=f"/communication/requests/{'r' * 10_000}/cancel"),
        404,
        "request not found",
    ),
    Hostile(
        "a control call about no text",
        post(b"", path="/communication/requests/%ff%00/resume"),
        404,
        "request not found",
    ),
    Hostile("a control call by GET", head(f"GET {_PAUSE} HTTP/1.1", f"Authorization: Bearer {TOKEN}"), 405),
    Hostile("an unknown scheduled request", take_back("/communication/scheduled/r-1"), 404, "request not found"),
    Hostile("all scheduled requests", take_back("/communication/scheduled/*"), 404, "request not found"),
    Hostile("a scheduled request without its id", take_back("/communication/scheduled/"), 404),
    Hostile("a request to be deleted", take_back("/communication/requests/r-1"), 405),
)

ALL = (*TOKENS, *RIGHTS, *CONTROLS)
