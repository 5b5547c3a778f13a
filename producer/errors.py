"""Errors of the HTTP API, with their status. Each becomes a response `{code, message, timestamp}`.

    ApiError
    ├── BadRequestError            400
    │   └── LongHeaderError
    ├── UnauthorizedError          401
    ├── UnsignedCallError          401
    ├── ForbiddenError             403
    ├── ForeignCallError           403
    ├── NotFoundError              404
    ├── TooSlowError               408
    ├── ConflictError              409
    ├── TooLargeError              413
    ├── UnsupportedMediaTypeError  415
    ├── TooManyCallsError          429
    └── UnavailableError           503

A message is for the caller only. It may name fields, therefore it is never logged.
"""

from collections.abc import Mapping
from typing import ClassVar

RETRY_AFTER_SECONDS = 5
"""Value of `Retry-After` in a 503, in seconds."""
_REALM = 'Bearer realm="rollcall"'
_CALLBACK = {"WWW-Authenticate": 'Signature realm="rollcall"'}
"""Challenge of a callback. A 401 must have one (RFC 9110, 11.6.1)."""


class ApiError(Exception):
    """A call that is refused or that failed."""

    status: ClassVar[int]

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.headers = dict(headers or {})


class BadRequestError(ApiError):
    """A field that is wrong. The message names the field."""

    status = 400


class LongHeaderError(BadRequestError):
    """A header whose value is longer than the service reads."""

    def __init__(self, name: str, longest: int) -> None:
        super().__init__(f"{name}: must have at most {longest:,} characters")


class UnauthorizedError(ApiError):
    """A missing or invalid token (RFC 6750, 3)."""

    status = 401

    def __init__(self, message: str, *, error: str | None = None) -> None:
        challenge = f'{_REALM}, error="{error}", error_description="{message}"' if error else _REALM
        super().__init__(message, {"WWW-Authenticate": challenge})


class ForbiddenError(ApiError):
    """A valid token that does not allow the call (RFC 6750, 3.1)."""

    status = 403

    def __init__(self, message: str, *, scope: str | None = None) -> None:
        scope_parameter = f', scope="{scope}"' if scope else ""
        super().__init__(message, {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope"{scope_parameter}'})


class UnsignedCallError(ApiError):
    """A callback without a valid signature. The answer is the same for an unknown provider."""

    status = 401

    def __init__(self) -> None:
        super().__init__("the callback has no valid signature of its provider. Nothing was changed.", _CALLBACK)


class ForeignCallError(ApiError):
    """A callback with a valid signature that is about another account."""

    status = 403

    def __init__(self) -> None:
        super().__init__("the callback is about another account. Nothing was changed.", _CALLBACK)


class NotFoundError(ApiError):
    """A request, delivery or template that does not exist for this tenant."""

    status = 404


class TooSlowError(ApiError):
    """A body that did not arrive in time."""

    status = 408

    def __init__(self, message: str) -> None:
        super().__init__(message, {"Connection": "close"})


class ConflictError(ApiError):
    """An `Idempotency-Key` of another request, or a control that comes too late."""

    status = 409


class TooLargeError(ApiError):
    """A body that is larger than the limit of one call. The rest of the body is not read."""

    status = 413

    def __init__(self, message: str) -> None:
        super().__init__(message, {"Connection": "close"})


class UnsupportedMediaTypeError(ApiError):
    """A body that is not plain JSON in UTF-8."""

    status = 415


class TooManyCallsError(ApiError):
    """A call of a token or a tenant that is over its rate."""

    status = 429

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message, {"Retry-After": str(retry_after_seconds)})


class UnavailableError(ApiError):
    """A dependency or a resource of the service that is not available at the moment."""

    status = 503

    def __init__(self, message: str) -> None:
        super().__init__(message, {"Retry-After": str(RETRY_AFTER_SECONDS)})
