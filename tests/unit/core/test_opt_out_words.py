"""Words with which a person opts out by SMS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.opt_out_words import MAX_CHARACTERS, WORD_LISTS, OptOutWord, WordList, read_word

FRANCE, CHINA = "+33612345678", "+8613800138000"
EACH_WORD = [
    (words, meaning, word)
    for words in WORD_LISTS
    for meaning, known in zip(OptOutWord, (words.stop, words.start, words.help), strict=True)
    for word in known
]


@pytest.mark.parametrize(("words", "meaning", "word"), EACH_WORD)
def test_each_word_has_its_meaning(words: WordList, meaning: OptOutWord, word: str) -> None:
    number = CHINA if words.calling_code else FRANCE

    assert read_word(word.upper(), number) is meaning
    assert len(word) <= MAX_CHARACTERS


@pytest.mark.parametrize(
    "text",
    ["Stop", " STOP\n", "stop.", "STOP!!", "«Stop»", "\uff33\uff34\uff2f\uff30", "S T O P", "opt-out", "Opt out"],
)
def test_case_spaces_and_punctuation_do_not_count(text: str) -> None:
    assert read_word(text, FRANCE) is OptOutWord.STOP


@pytest.mark.parametrize("text", ["Arrêt", "ARRÊTÉ", "arre\u0302t"])
def test_accents_do_not_count(text: str) -> None:
    assert read_word(text, FRANCE) is OptOutWord.STOP


@pytest.mark.parametrize(
    "text", ["", "?", "stop it", "please stop", "don't stop", "stopp all", "the end", "no", "s" * 65]
)
def test_another_text_is_no_word(text: str) -> None:
    assert read_word(text, FRANCE) is None


@pytest.mark.parametrize("text", ["T", "r", "TD"])
def test_the_letters_of_china_count_for_its_numbers_alone(text: str) -> None:
    assert read_word(text, CHINA) is OptOutWord.STOP
    assert read_word(text, FRANCE) is None


def test_no_word_has_two_meanings_and_each_list_has_a_source() -> None:
    assert len({word for _, _, word in EACH_WORD}) == len(EACH_WORD)
    assert all(words.sources for words in WORD_LISTS)


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert read_word(text, FRANCE) in {*OptOutWord, None}
