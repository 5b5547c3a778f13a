"""Normalisation of e-mail addresses by email-validator, without DNS."""

import re

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

from core.addresses.control_characters import MAX_ADDRESS, has_control

_LONGEST_PLAIN = 64  # at this length neither a label nor any other part can be too long
_ATOM = r"[A-Za-z0-9_!#$%&'*+/=?^`{|}~-]++"
_LABEL = r"[A-Za-z0-9]++(?:-[A-Za-z0-9]++)*+"  # two hyphens in a row are Punycode or reserved
_PLAIN = re.compile(rf"{_ATOM}(?:\.{_ATOM})*+@(?:{_LABEL}\.)+[A-Za-z]++")
_SPECIAL_USE = tuple(SPECIAL_USE_DOMAIN_NAMES)
_ROLES = frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)


def normalise_email(raw: str) -> str | None:
    """Return the address with its domain in lower case and as IDNA (`xn--`), or None if it is not valid.

    Spaces around the address are removed. The local part keeps its case, because only its own server may ignore the
    case (RFC 5321, 2.4). Role names of RFC 2142, such as `info`, are put into lower case. Local parts beyond ASCII are
    allowed (RFC 6531). Quoted local parts, display names and IP addresses are not allowed.
    """
    # Most addresses are plain, and the library takes some 60 µs for each.
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
    return _normalise_by_library(raw)


def _normalise_by_library(raw: str) -> str | None:
    if len(raw) > MAX_ADDRESS or has_control(raw):
        return None
    try:
        # `globally_deliverable` and not `test_environment`: domains such as `.local`, `.test` or one without a dot
        # cannot be reached through the public Internet, and an error now is cheaper than a bounce.
        # `example.com` and similar domains are accepted, because RFC 6761 treats them as any other name.
        # Options that depend on mutable globals of the library are set here, so that other code cannot change them.
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
