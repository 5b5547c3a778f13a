"""Limits of the texts of a channel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.render import TemplateError
from core.sms_segments import count_segments
from core.text_limits import MAX_PLACEHOLDERS, EmailLimit, SmsLimit, TextLimit, TextLimits, size_problem
from schemas.statuses import Channel

TEN, BYTES = SmsLimit(10), EmailLimit(1_000)
TEXTS = st.text(st.sampled_from("a€你😀"), max_size=500)


def test_an_sms_has_ten_segments_and_an_email_256_kib_by_default() -> None:
    assert TextLimits().of(Channel.SMS) == TEN
    assert TextLimits().of(Channel.EMAIL) == EmailLimit(262_144)


@pytest.mark.parametrize(("character", "most"), [("a", 1_530), ("€", 760), ("你", 670), ("😀", 330)])
def test_an_sms_may_have_ten_segments_and_no_more(character: str, most: int) -> None:
    assert TEN.problem_of(character * most) is None
    problem = TEN.problem_of(character * (most + 1)) or ""
    encoding = count_segments(character).encoding
    assert problem == f"takes 11 SMS segments ({encoding.meaning}), and at most 10 are allowed. Shorten it."


@pytest.mark.parametrize("character", ["a", "é", "你", "😀"])
def test_an_email_may_have_its_bytes_and_no_more(character: str) -> None:
    text = character * (1_000 // len(character.encode()))
    assert BYTES.problem_of(text) is None
    problem = BYTES.problem_of(text + character * 5) or ""
    assert problem.startswith(f"has {len((text + character * 5).encode()):,} bytes of UTF-8, and at most 1,000")


@given(TEXTS, st.integers(1, 5))
def test_the_short_cuts_give_the_answer_of_the_count(text: str, segments: int) -> None:
    limit, bytes_limit = SmsLimit(segments), EmailLimit(segments * 100)
    assert limit.fits(text) == (count_segments(text).segments <= segments)
    assert bytes_limit.fits(text) == (len(text.encode()) <= segments * 100)
    for one in (limit, bytes_limit):
        assert not one.fits(text) or len(text) <= one.max_characters


@pytest.mark.parametrize("limit", [SmsLimit(1), EmailLimit(160)])
def test_placeholders_of_a_content_count_as_empty(limit: TextLimit) -> None:
    assert size_problem("{{first name}}" + "x" * 159 + "{{name}}", limit) is None
    assert size_problem("{{{{" + "x" * 156 + "{{name}}", limit) is None
    assert size_problem("{{name}}" + "x" * 161, limit) is not None


def test_a_content_has_a_thousand_placeholders_and_no_more() -> None:
    assert size_problem("{{a}}" * MAX_PLACEHOLDERS + "{{{{" * 100, BYTES) is None
    problem = size_problem("{{a}}" * (MAX_PLACEHOLDERS + 1), BYTES)
    assert problem == "has 1,001 placeholders, and at most 1,000 are allowed"


def test_a_long_content_that_is_no_template_is_refused_as_such() -> None:
    with pytest.raises(TemplateError, match="at position 2000"):
        size_problem("x" * 2_000 + "{{", BYTES)
