"""Normalisation of e-mail addresses by email-validator, without DNS."""

import re
import unicodedata

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from core.addresses.control_characters import INVISIBLE, MAX_ADDRESS, REVERSING, has_control
from core.addresses.problems import AddressProblem

_LONGEST_PLAIN = 64  # at this length neither a label nor any other part can be too long
_ATOM = r"[A-Za-z0-9_!#$&'*+/=?^`{|}~-]++"  # % may begin an encoded character, which the slow path refuses
_LABEL = r"[A-Za-z0-9]++(?:-[A-Za-z0-9]++)*+"  # two hyphens in a row are Punycode or reserved
_PLAIN = re.compile(rf"(?!['=]){_ATOM}(?:\.{_ATOM})*+@(?:{_LABEL}\.)+[A-Za-z]++")
_SPECIAL_USE = tuple(SPECIAL_USE_DOMAIN_NAMES)

_AROUND = "".join(re.findall(rf"[\s{INVISIBLE}]", "".join(map(chr, range(0x10000)))))
_INVISIBLE = re.compile(
    f"[{INVISIBLE}\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_NAME_OR_QUOTES = re.compile(r"[\"()<>\[\]\\]|mailto:|\A['=]", re.IGNORECASE)
_ENCODED = re.compile(r"%[0-9A-F]{2}", re.IGNORECASE)
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
"""Dots between the labels of a domain, as Chinese and Japanese keyboards write them (RFC 3490, 3.1)."""
_SARA_AM = "\u0e33\u0eb3"
"""Ordinary letters of Thai and Lao, which IDNA writes as two characters each."""


def read_email(raw: str) -> str | AddressProblem:
    """Return the address with its domain in lower case and as IDNA (`xn--`), or the reason why it is not valid.

    Blanks around the address are removed. The local part keeps its case, because only its own server may ignore the
    case (RFC 5321, 2.4). Local parts beyond ASCII are allowed (RFC 6531). Quoted local parts, display names and IP
    addresses are not allowed.
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
                return f"{local}@{domain}"
    return _read_text(raw)


def _read_text(raw: str) -> str | AddressProblem:
    if len(raw) > MAX_ADDRESS:
        return AddressProblem.TOO_LONG
    if has_control(raw):
        return AddressProblem.CONTROL_CHARACTER
    if REVERSING in raw:
        return AddressProblem.RIGHT_TO_LEFT
    text = raw.strip(_AROUND)
    if problem := _problem_of(text):
        return problem
    local, _, domain = text.rpartition("@")
    try:
        # `globally_deliverable` and not `test_environment`: domains such as `.local`, `.test` or one without a dot
        # cannot be reached through the public Internet, and an error now is cheaper than a bounce.
        # `example.com` and similar domains are accepted, because RFC 6761 treats them as any other name.
        # Options that depend on mutable globals of the library are set here, so that other code cannot change them.
        valid = validate_email(
            text,
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
        is_special = domain.lower().endswith(_SPECIAL_USE)
        return AddressProblem.UNREACHABLE_DOMAIN if is_special else AddressProblem.NOT_AN_EMAIL
    if not domain.isascii() and valid.domain != _lower_labels(domain.translate(_DOTS)):
        return AddressProblem.REPLACED_CHARACTER
    # The library puts the names of RFC 2142, such as `info`, into lower case.
    return f"{unicodedata.normalize('NFC', local)}@{valid.ascii_domain}"


def compare_form(address: str) -> str:
    """Return the form in which two valid addresses are the same mailbox: without regard to case.

    Two letters that one letter becomes in upper case stay apart: `ß` is not `ss`.
    """
    if address.isascii():
        return address.lower()
    return "".join(map(_without_case, address))


def _without_case(char: str) -> str:
    folded = char.casefold()
    return folded if len(folded) == 1 else char.lower()


def _problem_of(text: str) -> AddressProblem | None:
    """Return the reason why the library may not see a text, because it might read another address than is written."""
    local, at, domain = text.rpartition("@")
    if not at:
        return AddressProblem.NO_AT_SIGN
    if _NAME_OR_QUOTES.search(text):
        return AddressProblem.NAME_OR_QUOTES
    if "@" in local:
        return AddressProblem.TWO_ADDRESSES
    if any(map(str.isspace, text)):
        return AddressProblem.SPACE
    if _INVISIBLE.search(text):
        return AddressProblem.INVISIBLE_CHARACTER
    if _ENCODED.search(local):
        return AddressProblem.ENCODED_CHARACTER
    replaced = any(map(_is_replaced, local + domain.translate(_DOTS)))
    return AddressProblem.REPLACED_CHARACTER if replaced else None


def _is_replaced(char: str) -> bool:
    """Return whether programs often replace a character: a wide letter, a ligature, a superscript, a Kelvin sign."""
    if char.isascii() or char in _SARA_AM:
        return False
    compatible = unicodedata.normalize("NFKD", char) != unicodedata.normalize("NFD", char)
    return compatible or unicodedata.normalize("NFC", char).isascii()


def _lower_labels(domain: str) -> str:
    """Return the domain if IDNA (UTS 46) changes nothing but the case. Only then it is the domain that is written."""
    lower = ".".join(map(str.lower, domain.split(".")))
    for char in _SARA_AM:
        lower = lower.replace(char, unicodedata.normalize("NFKD", char))
    return unicodedata.normalize("NFC", lower)
