"""Texts in lists: whole if they are short, and otherwise their beginning, within a number of bytes of JSON."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.read.shown_text import ShownText, shorten, shorten_all


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


async def test_one_call_at_a_time_has_long_texts_in_memory_and_short_ones_do_not_wait() -> None:
    lock, rendered = asyncio.Lock(), list[str]()

    async def texts(name: str, length: int) -> AsyncIterator[tuple[int, str]]:
        for number in range(3):
            rendered.append(name)
            yield number, "x" * length

    await asyncio.gather(*(shorten_all(texts(name, 10_000), 100, lock) for name in ("a", "b")))
    assert rendered == ["a", "b", "a", "a", "b", "b"], "each sees its first text before it waits"
    async with lock:
        assert len(await shorten_all(texts("c", 10), 100, lock)) == 3


def test_a_short_text_stays_as_it_is() -> None:
    assert shorten("Your code is 123456", 10_000) == ShownText("Your code is 123456")
