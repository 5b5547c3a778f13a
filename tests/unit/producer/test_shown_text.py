"""Texts in lists: whole if they are short, and otherwise their beginning, within a number of bytes of JSON."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.read.shown_text import ShownText, shorten


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.integers(0, 400))
def test_a_shown_text_is_the_text_or_its_beginning_and_fits(text: str, max_bytes: int) -> None:
    shown = shorten(text, max_bytes)
    if shown.is_shortened:
        assert shown.text[-1] == "…"
        assert text.startswith(shown.text[:-1])
        assert len(orjson.dumps(shown.text[:-1])) - 2 <= max_bytes < len(orjson.dumps(text)) - 2
    else:
        assert shown.text == text
        assert len(orjson.dumps(text)) - 2 <= max_bytes


@pytest.mark.parametrize("letter", ["a", "验", "\U0001f600", '"', "\x01"])
def test_most_of_the_room_is_used(letter: str) -> None:
    shown = shorten(letter * 100_000, 10_000)
    assert 10_000 - 12 < len(orjson.dumps(shown.text[:-1])) - 2 <= 10_000


def test_a_short_text_stays_as_it_is() -> None:
    assert shorten("Your code is 123456", 10_000) == ShownText("Your code is 123456")
