"""References of HTML are decoded as a browser does, whatever number they have."""

import time
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.html_references import decode_references
from core.render import TemplateError, compile_html, html_to_text

DIGITS = "1" * 4_301
"""Number with more digits than `int` reads."""


@pytest.mark.parametrize("reference", [f"&#{DIGITS};", f"&#{DIGITS}", f"&#x{DIGITS};", "&#99999999;", "&#xFFFFFFFFF"])
def test_a_number_that_is_no_character_becomes_the_replacement_character(reference: str) -> None:
    assert decode_references(f"a{reference} b") == "a\ufffd b"
    assert html_to_text(f"<p>a{reference} b</p>") == "a\ufffd b"
    assert html_to_text(f'<a href="/{reference.rstrip(";")};">x</a>') == "x (/\ufffd)"


def test_zeros_in_front_of_a_number_do_not_count() -> None:
    zeros = "0" * 5_000
    assert decode_references(f"&#{zeros}65;&#x{zeros}42;&#{zeros}67 ") == "ABC "


def test_a_placeholder_with_a_long_number_is_read_like_any_other() -> None:
    assert compile_html(f"{{{{&#{DIGITS[:900]};}}}}").names == {"\ufffd"}
    with pytest.raises(TemplateError):
        compile_html(f"{{{{&#{DIGITS};}}}}")


@given(st.text("&#xX;0123456789aAfFgltamp \n", max_size=40))
def test_all_else_is_decoded_as_by_the_standard_library(text: str) -> None:
    assert decode_references(text) == unescape(text)


def test_the_time_grows_with_the_length() -> None:
    def seconds(size: int) -> float:
        began = time.thread_time()
        decode_references("&#" * size)
        decode_references("&#" + "0" * size)
        decode_references("&#x" + "1" * size)
        return time.thread_time() - began

    assert min(seconds(80_000) for _ in range(3)) < 8 * max(min(seconds(20_000) for _ in range(3)), 0.001)
