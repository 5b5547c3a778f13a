"""Check of the options of `send` that make up a request, before anything is opened or sent."""

import codecs
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cli.errors import UsageError, sentence
from core.addresses.mail_addresses import InvalidMailAddressError, normalise_mail_addresses
from schemas.requests import BulkBody, BulkRequest
from schemas.timestamps import ActionTime
from schemas.validation_errors import Problem, read_problems

_OPTIONS = {
    "tenant_id": "--tenant",
    "user_id": "--user",
    "variables": "--variable",
    "secret_variables": "--secret-variable",
}
_TIMESTAMP: TypeAdapter[datetime] = TypeAdapter(ActionTime)
_PLACEHOLDER = "anyone"  # takes the place of the recipients while the rest of a request is checked


def check_request_options(fields: dict[str, Any], *, tenant: str | None, request_id: str | None) -> BulkBody:
    """Return the request without its recipients. Raises UsageError with a line for each option that is wrong.

    Without a tenant the request is checked as a body for HTTP, where the token names the tenant.
    """
    if not fields["content"] and fields["template"] is None:
        raise UsageError("--content, --content-file or --template: one of them is required.")
    body = {**fields, "recipients": [_PLACEHOLDER]}
    try:
        if tenant is not None:
            BulkRequest.model_validate({**body, "tenant_id": tenant, "request_id": request_id})
        checked = BulkBody.model_validate(body)
        normalise_mail_addresses(checked.reply_to, checked.cc)
    except ValidationError as error:
        raise UsageError("\n".join(dict.fromkeys(map(_problem_line, read_problems(error))))) from None
    except InvalidMailAddressError as error:
        raise UsageError(_address_line(error)) from None
    return checked


def _problem_line(problem: Problem) -> str:
    if problem.location:
        return f"{option_of(str(problem.location[0]))}: {problem.phrase}"
    # A check of the whole request has no location. Its message begins with the field.
    field, _, message = problem.message.partition(": ")
    return f"{option_of(field.partition('[')[0])}: {message}"


def _address_line(error: InvalidMailAddressError) -> str:
    field, _, index = error.field.partition("[")
    address = f"address {int(index[:-1]) + 1}: " if index else ""
    return f"{option_of(field)}: {address}{error.problem}"


def option_of(field: str) -> str:
    """Return the option that sets a field of a request."""
    return _OPTIONS.get(field, f"--{field.replace('_', '-')}")


def read_content(content: str | None, content_file: Path | None) -> str:
    """Return the content from one of two options, or "" if neither is given. Raises UsageError.

    A byte order mark and the line ends at the end of a file are left out, because editors add both.
    """
    if content is not None and content_file is not None:
        raise UsageError("--content and --content-file: only one of them is allowed.")
    if content_file is None:
        return content or ""
    return read_text_file("--content-file", content_file).rstrip("\n")


def read_text_file(option: str, file: Path) -> str:
    """Return the text of the file that an option names. Raises UsageError."""
    try:
        return _read_text(file)
    except OSError as error:
        raise UsageError(f"{option}: {file} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{option}: {file}, line {line}: not UTF-8. Save the file as UTF-8.") from None


def _read_text(file: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 if its mark says so, without the mark. Line ends become LF."""
    raw = file.read_bytes()
    is_utf_16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return raw.decode("utf-16" if is_utf_16 else "utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def read_variables(pairs: Iterable[str]) -> dict[str, str]:
    """Return the variables from `name=value` pairs. Raises UsageError."""
    variables = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UsageError("--variable: must be name=value.")
        variables[name] = value
    return variables


def read_timestamp(option: str, text: str | None) -> datetime | None:
    """Return a timestamp in RFC 3339, with the same rules as the services. Raises UsageError."""
    if text is None:
        return None
    try:
        return _TIMESTAMP.validate_python(text)
    except ValidationError as error:
        raise UsageError(f"{option}: {sentence(read_problems(error)[0].phrase)}") from None
