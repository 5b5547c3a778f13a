"""Addresses of an e-mail besides that of its recipient."""

import pytest

from core.addresses.mail_addresses import InvalidMailAddressError, MailAddresses, normalise_mail_addresses


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
    ("reply_to", "cc", "field"),
    [
        ("nobody", [], "reply_to"),
        ("Support <nobody>", [], "reply_to"),
        ("a@example.com, b@example.com", [], "reply_to"),
        ("a@example.com <b@example.com", [], "reply_to"),
        ("A <a@example.com> B <b@example.com>", [], "reply_to"),
        ("Support\r\nBcc: all@example.com <a@example.com>", [], "reply_to"),
        (None, ["a@example.com", "nobody"], "cc[1]"),
        (None, ["a@example.com;b@example.com"], "cc[0]"),
        (None, ["Name <a@example.com>"], "cc[0]"),
        (None, ["13800138000"], "cc[0]"),
        (None, ["a@example.com\r\nBcc: b@example.com"], "cc[0]"),
    ],
)
def test_an_invalid_address_is_refused_by_its_field_without_its_value(
    reply_to: str | None, cc: list[str], field: str
) -> None:
    with pytest.raises(InvalidMailAddressError) as caught:
        normalise_mail_addresses(reply_to, cc)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: is not a valid e-mail address.")
    assert not any(word in str(caught.value) for word in ("nobody", "example", "1380"))


def test_addresses_show_nothing_of_themselves() -> None:
    assert "@" not in repr(normalise_mail_addresses("a@example.com", ["b@example.com"]))
