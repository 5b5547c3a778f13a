from collections.abc import Callable

import pytest

from cli.errors import CommandError, UsageError
from tests.support.recipients_files import LI, TO, a_list, first_error, read_twice

NAMES = {
    "cp1252": ["Müller", "Jürgen Weiß", "Käthe Böhm"],
    "latin-1": ["Müller", "Jürgen Weiß", "Käthe Böhm"],
    "cp1250": ["Łukasz Wójcik", "Małgorzata Świątek", "Błażej Zieliński", "Grażyna Dąbrowska", "Paweł Jóźwiak"],
    "cp1251": ["Иван Петров", "Мария Иванова", "Сергей Кузнецов", "Ольга Смирнова", "Юлия Попова", "Дмитрий"],
    "koi8-r": ["Иван Петров", "Мария Иванова", "Сергей Кузнецов"],
    "cp1253": ["Γιώργος Παπαδόπουλος", "Ελένη"],
    "gb18030": ["李娜", "王伟", "张敏", "欧阳娜娜"],
    "big5": ["陳怡君", "林志玲", "黃俊傑"],
    "shift_jis": ["田中さくら", "佐藤ゆうき", "タロウ"],
    "cp949": ["김철수", "이영희", "박지성"],
    "utf-8": ["Müller", "李娜", "Иван"],
    "utf-8-sig": ["Müller", "李娜", "Иван"],
    "utf-16": ["Müller", "李娜", "Иван"],
    "utf-16-le": ["Müller", "李娜", "一一"],
    "utf-16-be": ["Müller", "李娜", "一一"],
    "utf-32": ["Müller", "李娜", "Иван"],
}


def names_of(recipients: list[object]) -> list[str]:
    return [recipient["variables"]["name"] for recipient in recipients]  # type: ignore[index]


@pytest.mark.parametrize("encoding", NAMES)
def test_the_encoding_is_found(encoding: str) -> None:
    assert names_of(read_twice(a_list(NAMES[encoding]).encode(encoding))) == NAMES[encoding]


@pytest.mark.parametrize("encoding", NAMES)
def test_the_encoding_can_be_given(encoding: str) -> None:
    assert names_of(read_twice(a_list(NAMES[encoding]).encode(encoding), encoding=encoding)) == NAMES[encoding]


def test_unicode_text_of_excel_is_read() -> None:
    assert read_twice("\ufeff" + a_list(["Li"], "\t"), "people.txt") == [LI]
    assert read_twice(a_list(["Li"], "\t").encode("utf-16"), "people.txt") == [LI]


FRENCH = [
    "Hélène Dubois",
    "François Lefèvre",
    "Zoé",
    "Jérôme",
    "Benoît",
    "Gaël",
    "Anaïs",
    "Élodie",
    "Céline",
    "Bérénice",
    "Noël",
    "Solène",
]
SPANISH = [
    "José Muñoz",
    "María Núñez",
    "García Pérez",
    "Rodríguez",
    "Sánchez",
    "Iñaki",
    "Ángel",
    "Álvaro",
    "Begoña",
    "Peña",
    "Hernández",
    "Gómez",
]


@pytest.mark.parametrize("names", [FRENCH, SPANISH], ids=["French", "Spanish"])
def test_accents_tell_cp1252_from_cp1250_in_a_list_of_some_length(names: list[str]) -> None:
    assert names_of(read_twice(a_list(names).encode("cp1252"))) == names


@pytest.mark.parametrize(
    "names",
    [
        ["10 €", "99€"],
        ["It\u2019s", "O\u2019Brien"],
        ["£10"],
        ["20 °C"],
        ["Anna \u2013 Maria"],
        ["jÜrgen", "fÜr"],
        ["Hélène"],
        ["Łukasz", "Müller", "José", "François", "Jiří", "Szűcs"],
    ],
)
def test_a_text_with_several_likely_readings_is_refused(names: list[str]) -> None:
    encoding = "cp1250" if "Łukasz" in names else "cp1252"
    raw = a_list(names).encode(encoding, "ignore")
    assert "the encoding is not certain" in first_error(raw)
    assert read_twice(raw, encoding=encoding)


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r"])
@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_a_cyrillic_list_in_one_case_is_refused_because_it_reads_as_two_encodings(
    encoding: str, change: Callable[[str], str]
) -> None:
    names = ["Георги", "Димитър", "Желязко", "Цветан", "Стоян", "Ивайло", "Златка", "Йордан", "Мария", "Анна"]
    raw = a_list([change(name) for name in names]).encode(encoding)
    assert "the encoding is not certain" in first_error(raw)
    assert read_twice(raw, encoding=encoding)


def test_half_width_katakana_are_refused_because_they_read_as_many_encodings() -> None:
    assert "the encoding is not certain" in first_error(a_list(["ﾀﾅｶ", "ｽｽﾞｷ"]).encode("cp932"))


def test_a_file_is_refused_if_its_encoding_is_not_certain() -> None:
    raw = f"to,name\n{TO},Li\n{TO},Hélène\n".encode("cp1252")
    with pytest.raises(CommandError) as caught:
        read_twice(raw)
    assert str(caught.value) == (
        "people.csv, line 3: not UTF-8, and the encoding is not certain. Name the encoding, such as --encoding cp1252, "
        'or save the file as UTF-8, in a spreadsheet as "CSV UTF-8".'
    )


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("before", [1, 5_000])
def test_a_line_that_is_not_utf_8_among_others_that_are_is_named(line_end: str, before: int) -> None:
    lines = ["to,name", *[f"{TO},李娜"] * before]
    raw = line_end.join(lines).encode() + line_end.encode() + f"{TO},Müller{line_end}".encode("cp1252")
    with pytest.raises(CommandError, match=rf"^people.csv, line {before + 2}: not UTF-8, but other lines are\."):
        read_twice(raw)


def test_a_given_encoding_that_does_not_fit_is_named_with_the_line() -> None:
    with pytest.raises(CommandError, match=r"people.csv, line 2: not ascii. Correct --encoding, or leave it out."):
        read_twice(a_list(["李娜"]), encoding="ascii")


@pytest.mark.parametrize("encoding", ["nonsense", "rot13", "base64", "idna", "unicode_escape", "", "utf-8\0"])
def test_an_unknown_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(UsageError, match="--encoding: is not known"):
        read_twice(a_list(["Li"]), encoding=encoding)
