"""Hostile texts for a regular expression, made from the expression itself, and the growth of its cost.

A text is a begin that the expression accepts, a part that is repeated, and an end that it does not accept. The repeated
parts are the bodies of all repetitions of the expression, alone and in pairs. These are the texts for which a matcher
that tries again takes quadratic or exponential time.
"""

import re
import time
from collections.abc import Callable, Iterator
from itertools import permutations
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

ENDS = ("", "\x00", "!", '"', "<", " ", "\\")
ESCAPED_QUOTE = '\\"'
"""Part that begins a quoted text, or continues one. A search that does not take the first text tries each of them."""
FLOOR_SECONDS = 0.003
"""CPU time in seconds below which growth is not judged, because the clock is too coarse for it."""
MAX_GROWTH = 8.0
"""Maximum growth of the CPU time if a text becomes four times as long. Quadratic time grows by 16."""
_REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}
_CATEGORIES = {
    codes.CATEGORY_DIGIT: "7",
    codes.CATEGORY_NOT_DIGIT: "q",
    codes.CATEGORY_SPACE: " ",
    codes.CATEGORY_NOT_SPACE: "q",
    codes.CATEGORY_WORD: "w",
    codes.CATEGORY_NOT_WORD: "-",
}

Cost = Callable[[str], object]


def hostile_families(expression: str, flags: int) -> list[tuple[str, str, str]]:
    """Return (begin, part, end) of the texts for an expression."""
    found = list(dict.fromkeys(_repeated(parser.parse(expression, flags & ~re.DEBUG), "")))
    pairs = [(one, f"{a}{b}") for (one, a), (_, b) in permutations(found[:6], 2)]
    whole = [("", begin + part) for begin, part in found] + [("", begin) for begin, _ in found]  # for a search
    parts = [*found, *pairs, *whole, ("", ESCAPED_QUOTE), ("", "a")]
    return [(begin, part, end) for begin, part in dict.fromkeys(parts) if part for end in ENDS]


def growth_of(cost: Cost, family: tuple[str, str, str], size: int) -> float:
    """Return the growth of the CPU time from a text of `size` letters to one of four times as many. 0 if it is tiny."""
    begin, part, end = family
    count = max(1, size // len(part))
    long = begin + part * (4 * count) + end
    if _seconds(cost, long) < FLOOR_SECONDS:
        return 0.0
    short = begin + part * count + end
    return min(_seconds(cost, long) for _ in range(3)) / max(min(_seconds(cost, short) for _ in range(5)), 1e-6)


def _seconds(cost: Cost, text: str) -> float:
    begun = time.thread_time()
    cost(text)
    return time.thread_time() - begun


def _repeated(tree: Any, begin: str) -> Iterator[tuple[str, str]]:
    """Yield (text before it, sample of its body) of each repetition without a small upper limit."""
    for op, value in tree:
        if op in _REPEATS:
            _, most, body = value
            if most > 16:
                yield from ((begin, sample) for sample in _samples(body))
            yield from _repeated(body, begin)
        else:
            for inner in _inner(op, value):
                yield from _repeated(inner, begin)
        begin = (begin + _sample([(op, value)]))[:200]


def _inner(op: Any, value: Any) -> list[Any]:
    """Return the expressions inside of one that is no repetition."""
    if op is codes.SUBPATTERN:
        return [value[3]]
    if op is codes.BRANCH:
        return list(value[1])
    if op in {codes.ASSERT, codes.ASSERT_NOT}:
        return [value[1]]
    if op is codes.ATOMIC_GROUP:
        return [value]
    return []


def _samples(body: Any) -> list[str]:
    """Return texts that a body accepts: one for each of its alternatives, and for each class in a set."""
    if len(body) == 1 and body[0][0] is codes.BRANCH:
        return [_sample(option) for option in body[0][1][1]]
    if len(body) == 1 and body[0][0] is codes.SUBPATTERN:
        return _samples(body[0][1][3])
    if len(body) == 1 and body[0][0] is codes.IN:
        return list(dict.fromkeys(_of_set(body[0][1])))
    return [_sample(body)]


def _sample(tree: Any) -> str:
    return "".join(_sample_of(op, value) for op, value in tree)


def _sample_of(op: Any, value: Any) -> str:
    if op is codes.LITERAL:
        return chr(value)
    if op is codes.NOT_LITERAL:
        return "a" if value != ord("a") else "b"
    if op is codes.ANY:
        return "a"
    if op is codes.IN:
        return next(iter(_of_set(value)), "")
    if op in _REPEATS:
        return _sample(value[2]) * max(1, min(value[0], 30))
    if op is codes.BRANCH:
        return _sample(value[1][0])
    if op is codes.SUBPATTERN:
        return _sample(value[3])
    return _sample(value) if op is codes.ATOMIC_GROUP else ""


def _of_set(items: Any) -> list[str]:
    """Return a letter for each member of a set of letters, at most four, or a letter outside of a negated set."""
    if items[0][0] is codes.NEGATE:
        rest = re.compile("[{}]".format("".join(_source(item) for item in items[1:])))
        return [char for char in "a 7<=\n\u00e9" if not rest.match(char)][:4]
    return [sample for item in items if (sample := _member(item))][:4]


def _member(item: Any) -> str:
    op, value = item
    if op is codes.RANGE:
        return chr(value[0])
    return chr(value) if op is codes.LITERAL else _CATEGORIES.get(value, "")


def _source(item: Any) -> str:
    op, value = item
    if op is codes.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    if op is codes.LITERAL:
        return re.escape(chr(value))
    return {codes.CATEGORY_SPACE: r"\s", codes.CATEGORY_DIGIT: r"\d", codes.CATEGORY_WORD: r"\w"}.get(value, "")
