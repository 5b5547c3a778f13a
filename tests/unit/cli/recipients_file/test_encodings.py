import pytest

from cli.errors import CommandError, UsageError
from tests.support.recipients_files import LI, TO, a_list, read_twice

NAMES = {
    "cp1252": ["Müller", "Jürgen Weiß", "Käthe Böhm"],
    "latin-1": ["Müller", "Jürgen Weiß", "Käthe Böhm"],
    "cp1250": ["Łukasz Wójcik", "Małgorzata Świątek", "Błażej Zieliński", "Grażyna Dąbrowska", "Paweł Jóźwiak"],
    "cp1251": ["Иван Петров", "Мария Иванова", "Сергей Кузнецов"],
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
