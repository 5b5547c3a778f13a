"""The size of a message is known before it is made."""

from core.render import compile_text
from ledger.text_size import TextMeasure

KIB = 1024


def test_the_variables_that_a_message_keeps_count_although_its_text_has_none_of_them() -> None:
    measure = TextMeasure(compile_text("Hello"), {})
    assert measure.of({}).bytes < 2 * KIB
    assert measure.of({"name": "x" * 250 * KIB}).bytes > 4 * 250 * KIB
    assert measure.of({f"name{number}": "" for number in range(1_000)}).bytes > 1_000 * 100
    assert measure.of({"name": "x" * 250 * KIB}).characters == measure.of({}).characters
