"""E-mail addresses to one normal form, by email-validator without DNS."""

import re

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

from core.addresses.control_characters import MAX_ADDRESS, has_control

_LONGEST_PLAIN = 64  # so that no label is longer than 63, nor anything else than it may be
_ATOM = r"[A-Za-z0-9_!#$%&'*+/=?^`{|}~-]++"
_LABEL = (
    r"[A-Za-z0-9]++(?:-[A-Za-z0-9]++)*+"  # no two hyphens in a row: neither Punycode nor what is reserved beside it
)
_PLAIN = re.compile(rf"{_ATOM}(?:\.{_ATOM})*+@(?:{_LABEL}\.)+[A-Za-z]++")
_SPECIAL_USE = tuple(SPECIAL_USE_DOMAIN_NAMES)
_ROLES = frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)


def normalise_email(raw: str) -> str | None:
    """The address with its domain in lower case and as IDNA (`xn--`), or None when it is none.

    Spaces around it are dropped. The local part keeps its case, which only its own server may ignore (RFC 5321, 2.4);
    the role names of RFC 2142, such as `info`, are put into lower case. Local parts beyond ASCII are allowed
    (RFC 6531); quoted ones, display names and IP addresses are not.
    """
    # Plain addresses are by far the most, and the library takes some 60 µs for each.
    if len(raw) <= _LONGEST_PLAIN and _PLAIN.fullmatch(raw):
        if raw.islower():
            if not raw.endswith(_SPECIAL_USE):
                return raw
        else:
            local, _, domain = raw.partition("@")
            domain = domain.lower()
            if not domain.endswith(_SPECIAL_USE):
                role = local.lower()
                return f"{role if role in _ROLES else local}@{domain}"
    return _by_library(raw)


def _by_library(raw: str) -> str | None:
    if len(raw) > MAX_ADDRESS or has_control(raw):
        return None
    try:
        # `globally_deliverable` and not `test_environment`: a domain without a dot, `.local`, `.test` and their like
        # can be reached by nobody through the public Internet, and saying so now is cheaper than a bounce.
        # `example.com` and its siblings are accepted: RFC 6761 wants them treated as any other name.
        # What depends on the library's changeable globals is named here, so that nobody changes it from afar.
        valid = validate_email(
            raw.strip(" "),
            allow_smtputf8=True,
            allow_empty_local=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            strict=False,
            check_deliverability=False,
            test_environment=False,
            globally_deliverable=True,
        )
    except EmailNotValidError:
        return None
    return f"{valid.local_part}@{valid.ascii_domain}"
