"""Guess of a legacy encoding. It is accepted only if all other possible readings of the text are clearly worse.

chardet compares the text with models of languages. It does not know that the text consists of names. So readings with
words that cannot be names count less: symbols inside a word, scripts that are mixed, a capital after a small letter, or
letters that no single language has together.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

_CANDIDATES = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874"),
    *("gb18030", "big5hkscs", "cp932", "cp949", "euc_jis_2004", "koi8-r", "iso8859-2"),
    *("mac-roman", "mac-cyrillic", "cp850", "cp852", "cp866"),
)
"""Encodings in which spreadsheets of Windows, macOS and DOS save CSV, and their most frequent rivals."""

_WEST = ("äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúü", "ãáâàçéêíóôõúü", "àèéìíòóùú", "áèéëïöóü", "åäéö", "åæéø", "áæðéíóöþúý")
_EAST = ("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţ", "çë", "äöüß")
_ALPHABETS = {
    **dict.fromkeys(("cp1252", "mac-roman", "cp850"), _WEST),
    **dict.fromkeys(("cp1250", "iso8859-2", "cp852"), _EAST),
    "cp1254": ("âçğîıöşûü",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"),
}
"""Letters beyond ASCII of the languages for which an encoding of Latin letters was made, a language each."""

_CYRILLIC = {"cp1251", "koi8-r"}
"""Encodings of which each has the small letters where the other has the capitals."""

_MIN_RATIO, _MIN_RATIO_OF_FEW = 2.0, 3.0
"""Least score of a reading in relation to the next different one, the second for fewer than ten different cells."""

_MIN_CONFIDENCE = 0.7
"""Least confidence of chardet in relation to its best reading, which may be impossible as a list of names."""

_MIN_SHARE = 0.75
"""Least share of words that can be names in one language. A list in many languages fits several encodings."""

_MAX_CELLS = 500
_CELL_ENDS = re.compile(rb"[\r\n,;\t]+")
_WORD_ENDS = re.compile(r"[\s,;:\"'().@+/0-9_|&-]+")
_SYMBOLS = frozenset("ªº§¶†‡‰")
"""Characters that Unicode counts as letters or punctuation, and that no name has."""

_HALF_WIDTH = re.compile("[\uff61-\uff9f]")
_CASES = re.compile(r"A?a*|A+")
"""Cases of a name: `name`, `Name` and `NAME`, with A for a capital letter."""

_PREFIX = re.compile(r"(Mc|Mac|De|Di|Du|La|Le)(?=[A-Z])")
_SCRIPTS = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK", "IDEOGRAPHIC": "CJK"}
_WITH_LATIN = ({"CJK", "LATIN"}, {"HANGUL", "LATIN"})


@dataclass(frozen=True, slots=True)
class _Reading:
    """The text in one encoding."""

    encoding: str
    text: str
    words: Sequence[str]
    """Words that say something about the encoding."""
    confidence: float
    """Confidence of chardet."""
    share: float
    """Share of words that can be names in one language."""

    @property
    def score(self) -> float:
        """Return the measure by which readings are compared."""
        return self.confidence * self.share**4


def guess_encoding(lines: Iterable[bytes]) -> str | None:
    """Return the encoding of lines that are not UTF-8, or None if it is not certain."""
    cells = sorted({cell for line in lines for cell in _CELL_ENDS.split(line) if not cell.isascii()})
    readings = _read(b"\n".join(cells[:: len(cells) // _MAX_CELLS + 1]))
    if not readings or any(map(_prevents_a_guess, readings)):
        return None
    # The same text in several encodings is no doubt. The first of them is the most usual one.
    by_text = {text: list(group) for text, group in groupby(sorted(readings, key=_text), key=_text)}
    scores = {text: max(reading.score for reading in group) for text, group in by_text.items()}
    text, best = max(scores.items(), key=lambda item: item[1])
    second = max((score for other, score in scores.items() if other != text), default=0.0)
    share = max(reading.share for reading in by_text[text])
    confidence = max(reading.confidence for reading in by_text[text])
    is_certain = (
        share >= _MIN_SHARE
        and best >= (_MIN_RATIO if len(cells) >= 10 else _MIN_RATIO_OF_FEW) * second
        and confidence >= _MIN_CONFIDENCE * max(reading.confidence for reading in readings)
    )
    found = min(by_text[text], key=lambda reading: _CANDIDATES.index(reading.encoding)).encoding
    return found if is_certain and not (found in _CYRILLIC and _is_in_one_case(readings)) else None


def _text(reading: _Reading) -> str:
    return reading.text


def _read(sample: bytes) -> list[_Reading]:
    # Loaded here, because its models take a tenth of a second and hardly any file needs them.
    import chardet  # noqa: PLC0415

    matches = chardet.detect_all(
        sample,
        ignore_threshold=True,
        prefer_superset=False,
        compat_names=False,
        include_encodings=_CANDIDATES,
        no_match_encoding=_CANDIDATES[0],
    )
    confidences = {match["encoding"]: match["confidence"] for match in matches}
    readings = []
    for encoding in _CANDIDATES:
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            continue
        words = [word for word in _WORD_ENDS.split(text) if _says_something(word)]
        confidence = confidences.get(encoding, 0.0)
        readings.append(_Reading(encoding, text, words, confidence, _share_of_names(words, encoding)))
    return readings


def _prevents_a_guess(reading: _Reading) -> bool:
    """Return whether a text is possible that chardet has no model of: symbols alone, or half-width katakana."""
    if reading.encoding == "cp932" and _HALF_WIDTH.search(reading.text):
        return all(map(_is_possible, reading.words))
    return reading.encoding == "cp1252" and not reading.words


def _is_in_one_case(readings: Sequence[_Reading]) -> bool:
    """Return whether a Cyrillic text is in capitals in one encoding, and other names in small letters in the other.

    chardet rates most text in capitals lower than the wrong text in small letters.
    """
    return {reading.encoding for reading in readings if reading.share >= _MIN_SHARE} >= _CYRILLIC


def _share_of_names(words: Sequence[str], encoding: str) -> float:
    """Return the share of words that can be names in one language of the encoding, the language that fits best.

    chardet rates letters alike that differ in their accents alone. So Spanish has the same score in cp1252 and cp1250,
    although no language has both í and ń.
    """
    names = [word for word in words if _is_possible(word)]
    letters = [{letter for letter in word.lower() if letter.isalpha() and not letter.isascii()} for word in names]
    alphabets = map(set, _ALPHABETS.get(encoding, ()))
    fitting = max((sum(used <= alphabet for used in letters) for alphabet in alphabets), default=len(names))
    return fitting / len(words) if words else 0.0


def _says_something(word: str) -> bool:
    """Return whether a word has more beyond ASCII than punctuation, such as a typographic apostrophe.

    A symbol alone, such as the sign of a currency, says little, and so does a single letter of an alphabet.
    """
    if len(word) == 1:
        return not word.isascii() and unicodedata.category(word) == "Lo"
    return any(not letter.isascii() and unicodedata.category(letter)[0] != "P" for letter in word)


def _is_possible(word: str) -> bool:
    """Return whether a word can be a name: letters of one script in usual cases, with punctuation between them."""
    if not all(unicodedata.category(letter)[0] in "LMP" and letter not in _SYMBOLS for letter in word):
        return False
    runs = "".join(letter if unicodedata.category(letter)[0] in "LM" else " " for letter in word).split()
    scripts = {_script(letter) for letter in word if letter.isalpha()}
    # Chinese, Japanese and Korean text has Latin letters without a blank before them.
    return all(map(_has_usual_cases, runs)) and (len(scripts) < 2 or scripts in _WITH_LATIN)


def _has_usual_cases(run: str) -> bool:
    # A sharp s may stand among capital letters.
    run = _PREFIX.sub("", run).replace("ß", "")
    return _CASES.fullmatch("".join("A" if letter.isupper() else "a" for letter in run)) is not None


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "").partition(" ")[0]
    return _SCRIPTS.get(name, name)
