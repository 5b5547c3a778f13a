"""Addresses of an e-mail besides that of its recipient."""

import pytest

from core.addresses.mail_addresses import InvalidMailAddressError, MailAddresses, normalise_mail_addresses
from core.addresses.problems import AddressProblem


def test_the_addresses_are_normalised_as_those_of_recipients() -> None:
    addresses = normalise_mail_addresses(" Anna@Example.COM ", ["Team@EXAMPLE.com", "büro@exämple.com"])
    assert addresses.reply_to == "Anna@example.com"
    assert addresses.cc == ("Team@example.com", "büro@xn--exmple-cua.com")


def test_a_request_may_have_neither() -> None:
    assert normalise_mail_addresses(None, None) == normalise_mail_addresses(None, []) == MailAddresses()


@pytest.mark.parametrize(
    ("given", "normalised"),
    [
        ("Support <help@Example.com>", "Support <help@example.com>"),
        ('"Shop, Inc." <help@example.com>', "Shop, Inc. <help@example.com>"),
        ('"Jane \\"JD\\" Doe" <help@example.com>', 'Jane "JD" Doe <help@example.com>'),
        ('"Jane" Doe <help@example.com>', '"Jane" Doe <help@example.com>'),
        ('"" <help@example.com>', "help@example.com"),
        ("客服 <help@example.com>", "客服 <help@example.com>"),
        ("<help@example.com>", "help@example.com"),
        ("  Support  < help@example.com > ", "Support <help@example.com>"),
    ],
)
def test_a_reply_address_may_have_a_name(given: str, normalised: str) -> None:
    assert normalise_mail_addresses(given, None).reply_to == normalised


def test_one_mailbox_in_several_spellings_gets_one_copy() -> None:
    given = ["Anna@example.com", "anna@example.com", "ben@example.com", "ANNA@EXAMPLE.COM"]
    assert normalise_mail_addresses(None, given).cc == ("Anna@example.com", "ben@example.com")


def test_the_recipient_gets_no_copy() -> None:
    addresses = normalise_mail_addresses(None, ["Anna@example.com", "ben@example.com"])
    assert addresses.cc_besides("anna@example.com") == ("ben@example.com",)
    assert addresses.cc_besides("carl@example.com") == ("Anna@example.com", "ben@example.com")


@pytest.mark.parametrize(
    ("reply_to", "cc", "field", "problem"),
    [
        ("nobody", [], "reply_to", AddressProblem.NO_AT_SIGN),
        ("Support <nobody>", [], "reply_to", AddressProblem.NO_AT_SIGN),
        ("a@example.com, b@example.com", [], "reply_to", AddressProblem.TWO_ADDRESSES),
        ("a@example.com <b@example.com", [], "reply_to", AddressProblem.NAME_OR_QUOTES),
        ("A <a@example.com> B <b@example.com>", [], "reply_to", AddressProblem.NAME_OR_QUOTES),
        ("Support\r\nBcc: all <a@example.com>", [], "reply_to", AddressProblem.CONTROL_CHARACTER),
        (None, ["a@example.com", "nobody"], "cc[1]", AddressProblem.NO_AT_SIGN),
        (None, ["a@example.com;b@example.com"], "cc[0]", AddressProblem.TWO_ADDRESSES),
        (None, ["Name <a@example.com>"], "cc[0]", AddressProblem.NAME_OR_QUOTES),
        (None, ["13800138000"], "cc[0]", AddressProblem.NO_AT_SIGN),
        (None, ["a@example.com\r\nBcc: b@example.com"], "cc[0]", AddressProblem.CONTROL_CHARACTER),
        (None, ["a@example.test"], "cc[0]", AddressProblem.UNREACHABLE_DOMAIN),
    ],
)
def test_an_invalid_address_is_refused_by_its_field_and_reason_without_its_value(
    reply_to: str | None, cc: list[str], field: str, problem: AddressProblem
) -> None:
    with pytest.raises(InvalidMailAddressError) as caught:
        normalise_mail_addresses(reply_to, cc)
    assert caught.value.field == field
    assert str(caught.value) == f"{field}: {problem}. Correct it or leave it out."


def test_addresses_show_nothing_of_themselves() -> None:
    assert "@" not in repr(normalise_mail_addresses("a@example.com", ["b@example.com"]))
