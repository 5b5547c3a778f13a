"""Compiled texts that are remembered, because many small requests have the same text."""

import tracemalloc

from core.render import MAX_REMEMBERED, compile_text


def test_an_equal_text_is_compiled_once() -> None:
    assert compile_text("Your code is {{code}}") is compile_text("Your code is " + "{{code}}")


def test_a_long_text_is_not_remembered() -> None:
    text = "{{code}}".ljust(MAX_REMEMBERED + 1, "x")
    assert compile_text(text) is not compile_text(text)


def test_the_texts_that_are_remembered_take_little_memory() -> None:
    tracemalloc.start()
    try:
        for number in range(2_000):
            compile_text(f"{number:05}{{{{a}}}}".ljust(MAX_REMEMBERED, "\u6f22"))
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 2 * 2**20
