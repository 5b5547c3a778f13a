"""Words with which a person answers an SMS: to opt out, to opt in again, or to get help. Pure.

A text counts if it is one of these words and nothing else, as vendors have it. "Stop that" is a text for people.
"""

import unicodedata
from enum import StrEnum
from typing import NamedTuple

MAX_CHARACTERS = 64
"""Maximum length of a text that may be such a word, in characters. The longest word has 11."""


class OptOutWord(StrEnum):
    """Meaning of a word."""

    STOP = "stop"
    """The person does not want any further SMS."""
    START = "start"
    """The person wants SMS again."""
    HELP = "help"


class WordList(NamedTuple):
    """Words of one language, in the form of `_plain`."""

    language: str
    sources: tuple[str, ...]
    stop: tuple[str, ...]
    start: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    calling_code: str = ""
    """Beginning of the numbers for which the words count. A single letter means nothing in another country."""


WORD_LISTS = (
    WordList(
        "English",
        (
            "https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out",
            "https://support.twilio.com/hc/en-us/articles/223134027",
            "https://docs.aws.amazon.com/sms-voice/latest/userguide/keywords-required.html",
            "47 CFR 64.1200(a)(10)",
        ),
        ("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "remove"),
        ("start", "yes", "unstop"),
        ("help", "info"),
    ),
    WordList(
        "French",
        (
            "https://support.infobip.com/docs/essentials/usa-and-canada-compliance/canadian-mandatory-keyword-responses",
            "https://www.twilio.com/docs/proxy/opt-out-keywords",
        ),
        ("arret", "arrett", "arrete"),
        help=("aide",),
    ),
    WordList(
        "Spanish",
        ("https://support.textizen.com/article/92-reserved-keywords",),
        ("alto",),
        ("inicio",),
        ("auxilio",),
    ),
    WordList(
        "Chinese",
        (
            "https://help.aliyun.com/wordpower/455759-1.html",
            "https://support.huaweicloud.com/msgsms_faq/sms_faq_0110.html",
            "https://docs.aws.amazon.com/sms-voice/latest/userguide/keywords-required.html",
        ),
        ("t", "r", "td"),
        calling_code="+86",
    ),
)
"""Words by language, with the pages that name them. French and English words count for every number."""


def read_word(text: str, number: str) -> OptOutWord | None:
    """Return the meaning of a text from a number in E.164, or None if it is not one of the words.

    Case, accents, spaces and punctuation do not count.
    """
    if len(text) > MAX_CHARACTERS:
        return None
    plain = _plain(text)
    for words in WORD_LISTS:
        if number.startswith(words.calling_code):
            for meaning, known in zip(OptOutWord, (words.stop, words.start, words.help), strict=True):
                if plain in known:
                    return meaning
    return None


def _plain(text: str) -> str:
    """Return the letters and digits of a text in small letters, without accents."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", text).casefold() if letter.isalnum())
