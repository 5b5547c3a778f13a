"""Headers of an e-mail: folded and encoded within the limits of RFC 5321 and RFC 2047."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.mail_headers import HeaderTooLongError, fold, mailbox_words, text_header
from tests.unit.providers.mail_checker import read_headers

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=400)
FAMILY = "👨\u200d👩\u200d👧\u200d👦"


def read(header: str) -> str:
    (value,) = read_headers(f"{header}\r\n\r\n".encode()).values()
    return value


@given(TEXTS)
def test_any_text_reads_back_exactly(text: str) -> None:
    assert read(text_header("Subject", text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "Hi",
        "",
        " ",
        "  two  spaces  ",
        "tab\there",
        "x" * 1_214,
        f"See https://x.example/{'p' * 1_218}",
        "word " * 300 + "end",
        "word " * 14 + "w" * 70,
        "w" * 67,
        "w" * 68,
        "=?utf-8?q?not_meant?=",
        "a =? b ?= c",
        "Größe, 尺寸 und ein recht langer Betreff, der über mehrere Zeilen geht",
        "中国移动通信集团有限公司客户服务中心北京分公司市场部活动组" * 9,
        FAMILY * 40,
        "é" * 1_000,
        "e\u0301" * 100,
        "_=?" * 100,
    ],
)
def test_a_subject_of_any_kind_and_length_is_within_the_limits_and_reads_back(text: str) -> None:
    assert read(text_header("Subject", text)) == text


def test_a_subject_that_fits_a_line_is_not_changed() -> None:
    assert text_header("Subject", "Your order 17 is on its way") == "Subject: Your order 17 is on its way"


def test_a_long_subject_in_ascii_stays_readable_between_its_words() -> None:
    text = "Your order of the twenty-first of November has left our house and will be with you in two days or three"
    header = text_header("Subject", text)
    assert "\r\n " in header
    assert header.replace("\r\n", "") == f"Subject: {text}"


@given(TEXTS.map(str.strip).filter(bool))
def test_any_display_name_reads_back_beside_its_address(name: str) -> None:
    value = read(fold("From", mailbox_words("From", name, "us@example.org")))
    shown, _, address = value.rpartition(" ")
    if shown.startswith('"') and name != shown:
        shown = shown[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    assert (shown, address) == (name, "<us@example.org>")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("", "From: us@example.org"),
        ("Us", "From: Us <us@example.org>"),
        ("Us and them", "From: Us and them <us@example.org>"),
        ("Shop, Inc.", 'From: "Shop, Inc." <us@example.org>'),
        ('The "Shop" \\', 'From: "The \\"Shop\\" \\\\" <us@example.org>'),
        ("店", "From: =?utf-8?b?5bqX?= <us@example.org>"),
    ],
)
def test_a_short_display_name_is_written_as_people_know_it(name: str, header: str) -> None:
    assert fold("From", mailbox_words("From", name, "us@example.org")) == header


@pytest.mark.parametrize("name", ["中国移动通信集团有限公司客户服务中心北京分公司市场部活动组", "Long " * 50 + "name"])
def test_a_long_display_name_is_several_encoded_words(name: str) -> None:
    header = fold("From", mailbox_words("From", name, "us@example.org"))
    assert header.count("=?utf-8?") > 1
    assert read(header) == f"{name} <us@example.org>"


def test_a_list_of_addresses_is_folded_between_them() -> None:
    addresses = [f"{'a' * 40}{number}@example.com" for number in range(10)]
    header = fold("Cc", [*(f"{address}," for address in addresses[:-1]), addresses[-1]])
    assert read(header) == ", ".join(addresses)


def test_a_word_that_fits_no_line_of_998_octets_is_refused_without_its_value() -> None:
    assert len(fold("X", ["y" * 995]).encode()) == 998
    for word in ("y" * 996, "é" * 498):
        with pytest.raises(HeaderTooLongError) as caught:
            fold("X", [word])
        assert str(caught.value) == "X"


def test_a_long_word_behind_the_first_line_needs_no_encoding() -> None:
    text = f"See https://x.example/{'p' * 55}"
    assert text_header("Subject", text) == f"Subject: See\r\n {text.removeprefix('See ')}"
