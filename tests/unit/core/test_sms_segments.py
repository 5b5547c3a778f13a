"""Segments of an SMS in GSM-7 and UCS-2, against the tables of 3GPP TS 23.038."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sms_segments import SmsSegments, count_segments
from schemas.statuses import SmsEncoding

GSM_7, UCS_2 = SmsEncoding.GSM_7, SmsEncoding.UCS_2
TABLE = """
00 @ 01 £ 02 $ 03 ¥ 04 è 05 é 06 ù 07 ì 08 ò 09 Ç 0B Ø 0C ø 0E Å 0F å
10 Δ 11 _ 12 Φ 13 Γ 14 Λ 15 Ω 16 Π 17 Ψ 18 Σ 19 Θ 1A Ξ 1C Æ 1D æ 1E ß 1F É
21 ! 22 " 23 # 24 ¤ 25 % 26 & 27 ' 28 ( 29 ) 2A * 2B + 2C , 2D - 2E . 2F /
30 0 31 1 32 2 33 3 34 4 35 5 36 6 37 7 38 8 39 9 3A : 3B ; 3C < 3D = 3E > 3F ?
40 ¡ 41 A 42 B 43 C 44 D 45 E 46 F 47 G 48 H 49 I 4A J 4B K 4C L 4D M 4E N 4F O
50 P 51 Q 52 R 53 S 54 T 55 U 56 V 57 W 58 X 59 Y 5A Z 5B Ä 5C Ö 5D Ñ 5E Ü 5F §
60 ¿ 61 a 62 b 63 c 64 d 65 e 66 f 67 g 68 h 69 i 6A j 6B k 6C l 6D m 6E n 6F o
70 p 71 q 72 r 73 s 74 t 75 u 76 v 77 w 78 x 79 y 7A z 7B ä 7C ö 7D ñ 7E ü 7F à
"""
"""Section 6.2.1. The line feed (0A), the carriage return (0D), the escape (1B) and the space (20) are not shown."""
CODES, CHARACTERS = TABLE.split()[::2], TABLE.split()[1::2]
BASIC = [*CHARACTERS, "\n", "\r", " "]
EXTENDED = ["\f", *"^{}\\[~]|€"]
"""Section 6.2.1.1."""
ANY_TEXT = st.text(st.sampled_from([*"aé€{你😀\n"]) | st.characters(), max_size=400)


def test_the_default_alphabet_has_127_characters_and_an_escape() -> None:
    codes = [int(code, 16) for code in CODES]
    assert sorted([*codes, 0x0A, 0x0D, 0x1B, 0x20]) == list(range(128))


def test_a_character_of_the_default_alphabet_takes_one_septet() -> None:
    for character in BASIC:
        assert count_segments(character * 160) == (GSM_7, 1)
        assert count_segments(character * 161) == (GSM_7, 2)


def test_a_character_of_the_extension_table_takes_two_septets() -> None:
    for character in EXTENDED:
        assert count_segments(character * 80) == (GSM_7, 1)
        assert count_segments(character * 81) == (GSM_7, 2)


def test_every_other_character_of_unicode_makes_the_text_ucs_2() -> None:
    gsm = {*BASIC, *EXTENDED}
    others = [chr(code) for code in range(0x3000) if chr(code) not in gsm]
    assert {count_segments(character).encoding for character in others} == {UCS_2}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (GSM_7, 1)),
        ("a" * 306, (GSM_7, 2)),
        ("a" * 307, (GSM_7, 3)),
        ("a" * 1_530, (GSM_7, 10)),
        ("a" * 1_531, (GSM_7, 11)),
        ("你" * 70, (UCS_2, 1)),
        ("你" * 71, (UCS_2, 2)),
        ("你" * 134, (UCS_2, 2)),
        ("你" * 135, (UCS_2, 3)),
        ("a" * 70 + "你", (UCS_2, 2)),
        ("ç" * 71, (UCS_2, 2)),
        ("😀" * 35, (UCS_2, 1)),
        ("😀" * 36, (UCS_2, 2)),
        ("\ud800" * 71, (UCS_2, 2)),
    ],
)
def test_a_text_takes_the_segments_of_its_encoding(text: str, expected: tuple[SmsEncoding, int]) -> None:
    assert count_segments(text) == SmsSegments(*expected)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 152 + "€" + "a" * 152, 3),  # 306 septets. The first segment ends after 152.
        ("a" * 151 + "€" + "a" * 153, 2),
        ("€" * 152, 2),  # 76 in each
        ("€" * 153, 3),
        ("😀" * 66, 2),  # 33 in each
        ("😀" * 67, 3),
        ("你" + "😀" * 33 + "你" * 67, 2),
        ("😀" * 33 + "你" * 68, 2),
        ("你" * 66 + "😀" + "你" * 66, 3),  # 134 code units. The first segment ends after 66.
    ],
)
def test_a_pair_is_not_split_over_two_segments(text: str, segments: int) -> None:
    assert count_segments(text).segments == segments


@given(ANY_TEXT)
def test_the_count_is_that_of_packing_character_by_character(text: str) -> None:
    sizes = {**dict.fromkeys(BASIC, 1), **dict.fromkeys(EXTENDED, 2)}
    encoding, limits = (GSM_7, (160, 153)) if set(text) <= sizes.keys() else (UCS_2, (70, 67))
    needed = [sizes[one] if encoding is GSM_7 else 1 + (one > "\uffff") for one in text]
    segments, free = 1, limits[0] if sum(needed) <= limits[0] else limits[1]
    for size in needed:
        if size > free:
            segments, free = segments + 1, limits[1]
        free -= size
    assert count_segments(text) == (encoding, segments)


@given(st.lists(ANY_TEXT, min_size=1, max_size=4), ANY_TEXT)
def test_a_value_never_makes_a_text_take_fewer_segments(texts: list[str], value: str) -> None:
    assert count_segments("".join(texts)).segments <= count_segments(value.join(texts)).segments


@pytest.mark.parametrize("text", ["a", "€", "你", "😀", "a你", "a€"])
def test_the_time_grows_with_the_length_of_the_text(text: str) -> None:
    short, long = (min(seconds_of_cpu(text * n) for _ in range(5)) for n in (20_000, 80_000))
    assert long < 10 * short


def seconds_of_cpu(text: str) -> float:
    start = time.thread_time()
    count_segments(text)
    return time.thread_time() - start
