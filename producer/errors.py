"""What the service refuses, and with which status. Every one ends as `{code, message, timestamp}`.

    RefusalError
    ├── BadRequestError            400
    ├── UnauthorizedError          401
    ├── ForbiddenError             403
    ├── NotFoundError              404
    ├── TooSlowError               408
    ├── ConflictError              409
    ├── TooLargeError              413
    ├── UnsupportedMediaTypeError  415
    └── UnavailableError           503

A message is for the caller alone: it may name fields, so it is never logged.
"""

from collections.abc import Mapping
from typing import ClassVar

RETRY_AFTER_SECONDS = 5
_REALM = 'Bearer realm="rollcall"'


class ApiError(Exception):
    """A request that is not done."""

    status: ClassVar[int]

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.headers = dict(headers or {})


class BadRequestError(ApiError):
    """A field is wrong; the message names it."""

    status = 400


class UnauthorizedError(ApiError):
    """No token, or one that does not hold (RFC 6750, 3)."""

    status = 401

    def __init__(self, message: str, *, error: str | None = None) -> None:
        said = f'{_REALM}, error="{error}", error_description="{message}"' if error else _REALM
        super().__init__(message, {"WWW-Authenticate": said})


class ForbiddenError(ApiError):
    """The token holds and does not allow this (RFC 6750, 3.1)."""

    status = 403

    def __init__(self, message: str, *, scope: str | None = None) -> None:
        lacking = f', scope="{scope}"' if scope else ""
        super().__init__(message, {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope"{lacking}'})


class NotFoundError(ApiError):
    """What is named does not exist for this tenant."""

    status = 404


class TooSlowError(ApiError):
    """The body did not arrive in time."""

    status = 408

    def __init__(self, message: str) -> None:
        super().__init__(message, {"Connection": "close"})


class ConflictError(ApiError):
    """The `Idempotency-Key` stands for another request, or it is too late for what is ordered."""

    status = 409


class TooLargeError(ApiError):
    """The body is larger than one call takes. The rest of it is not read."""

    status = 413

    def __init__(self, message: str) -> None:
        super().__init__(message, {"Connection": "close"})


class UnsupportedMediaTypeError(ApiError):
    """The body is not plain JSON in UTF-8."""

    status = 415


class UnavailableError(ApiError):
    """Something that the service needs is away for now."""

    status = 503

    def __init__(self, message: str) -> None:
        super().__init__(message, {"Retry-After": str(RETRY_AFTER_SECONDS)})
