"""The options of `send` that make up a request, checked before anything is opened or sent."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cli.errors import UsageError
from schemas.requests import BulkBody, BulkRequest
from schemas.timestamps import ActionTime
from schemas.validation_errors import Problem, read_problems

_OPTIONS = {"tenant_id": "--tenant", "user_id": "--user", "variables": "--variable"}
_MOMENT: TypeAdapter[datetime] = TypeAdapter(ActionTime)
_ANYONE = "anyone"  # stands for the recipients while the rest of a request is checked


def check_head(fields: dict[str, Any], *, tenant: str | None, request_id: str | None) -> BulkBody:
    """Everything of a request but its recipients; raises UsageError with a line for each option that is wrong.

    Without a tenant it is checked as a body for HTTP, where the token says the tenant.
    """
    if not fields["content"] and fields["template"] is None:
        raise UsageError("--content: is needed, or --content-file or --template")
    body = {**fields, "recipients": [_ANYONE]}
    try:
        if tenant is not None:
            BulkRequest.model_validate({**body, "tenant_id": tenant, "request_id": request_id})
        return BulkBody.model_validate(body)
    except ValidationError as error:
        raise UsageError("\n".join(dict.fromkeys(map(_line, read_problems(error))))) from None


def _line(problem: Problem) -> str:
    if problem.location:
        return f"{option_of(str(problem.location[0]))}: {problem.phrase}"
    field, _, said = problem.message.partition(": ")  # a check of the whole: its sentence begins with the field
    return f"{option_of(field)}: {said}"


def option_of(field: str) -> str:
    """The option that sets a field of a request."""
    return _OPTIONS.get(field, f"--{field.replace('_', '-')}")


def read_content(content: str | None, content_file: Path | None) -> str:
    """The content, from one of two options, or empty where a template is named; raises UsageError."""
    if content is not None and content_file is not None:
        raise UsageError("--content and --content-file exclude each other")
    if content_file is None:
        return content or ""
    try:
        return content_file.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"--content-file: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise UsageError("--content-file: is not UTF-8") from None


def read_variables(pairs: Iterable[str]) -> dict[str, str]:
    """`name=value` pairs; raises UsageError."""
    variables = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UsageError("--variable: is written name=value")
        variables[name] = value
    return variables


def read_moment(option: str, text: str | None) -> datetime | None:
    """A moment in RFC 3339, as the services take them; raises UsageError."""
    if text is None:
        return None
    try:
        return _MOMENT.validate_python(text)
    except ValidationError:
        raise UsageError(f"{option}: is written with its offset, such as 2026-01-31T09:00:00+08:00") from None
