"""Guess of a legacy encoding. It is accepted only if all other possible readings of the text are clearly worse.

chardet compares the text with models of languages. It does not know that the text consists of names. So readings that
cannot be names are left out first: symbols inside a word, scripts that are mixed, or a capital after a small letter.
"""

import re
import unicodedata
from collections.abc import Iterable

_CANDIDATES = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874"),
    *("gb18030", "big5hkscs", "cp932", "cp949", "euc_jis_2004", "koi8-r", "iso8859-2"),
    *("mac-roman", "mac-cyrillic", "cp850", "cp852", "cp866"),
)
"""Encodings in which spreadsheets of Windows, macOS and DOS save CSV, and their most frequent rivals."""

_MIN_RATIO, _MIN_RATIO_OF_FEW = 1.5, 2.5
"""Least score of a reading in relation to the next different one, the second for fewer than ten different cells."""

_MAX_CELLS = 500
_CELL_ENDS = re.compile(rb"[\r\n,;\t]+")
_WORD_ENDS = re.compile(r"[\s,;:\"'().@+/0-9_|&-]+")
_SYMBOLS = frozenset("ªº§¶†‡‰")
"""Characters that Unicode counts as letters or punctuation, and that no name has."""
_CASES = re.compile(r"A?a*|A+|Aa{1,2}A+a*|aA+a*")
"""Cases of a word: `name`, `Name`, `NAME`, `McName`, `MacName` and `dName`, with A for a capital letter."""

_SCRIPTS = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "KATAKANA-HIRAGANA": "CJK", "IDEOGRAPHIC": "CJK"}


def guess_encoding(lines: Iterable[bytes]) -> str | None:
    """Return the encoding of lines that are not UTF-8, or None if it is not certain."""
    # Loaded here, because its models take a tenth of a second and hardly any file needs them.
    import chardet  # noqa: PLC0415

    cells = sorted({cell for line in lines for cell in _CELL_ENDS.split(line) if not cell.isascii()})
    sample = b"\n".join(cells[:: len(cells) // _MAX_CELLS + 1])
    scores: dict[str, float] = {}
    encodings: dict[str, str] = {}
    matches = chardet.detect_all(
        sample,
        ignore_threshold=True,
        prefer_superset=False,
        compat_names=False,
        include_encodings=_CANDIDATES,
        no_match_encoding=_CANDIDATES[0],
    )
    confidences = {match["encoding"]: match["confidence"] for match in matches}
    for encoding in filter(confidences.get, _CANDIDATES):
        text = _decode(sample, encoding)
        if text is not None:
            encodings.setdefault(text, encoding)
            scores[text] = max(scores.get(text, 0.0), confidences[encoding])
    best, second = [*sorted(scores.values(), reverse=True), 0.0, 0.0][:2]
    is_certain = best > 0 and best >= (_MIN_RATIO if len(cells) >= 10 else _MIN_RATIO_OF_FEW) * second
    return next(encodings[text] for text, score in scores.items() if score == best) if is_certain else None


def _decode(sample: bytes, encoding: str) -> str | None:
    """Return the text, or None if the sample cannot be names in this encoding."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return None
    words = {word for word in _WORD_ENDS.split(text) if not word.isascii()}
    return text if all(map(_is_possible, words)) else None


def _is_possible(word: str) -> bool:
    categories = [(letter, unicodedata.category(letter)) for letter in word]
    if any(not _is_possible_letter(letter, category) for letter, category in categories if not letter.isascii()):
        return False
    cases = "".join("A" if category == "Lu" else "a" for _, category in categories if category in {"Lu", "Ll"})
    return _CASES.fullmatch(cases) is not None and len({_script(c) for c, kind in categories if kind[0] == "L"}) < 2


def _is_possible_letter(letter: str, category: str) -> bool:
    return category[0] in "LMP" and letter not in _SYMBOLS


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "").partition(" ")[0]
    return _SCRIPTS.get(name, name)
