"""CSV as spreadsheets and people write it."""

from collections.abc import Mapping

import pytest

from cli.errors import UsageError
from tests.support.recipients_files import LI, TO, a_list, a_source, errors_of, first_error, read_twice


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_the_delimiter_and_the_line_ends_are_found(delimiter: str, line_end: str) -> None:
    lines = (f"name{delimiter}to", f'"Li{delimiter} the ""first"""{delimiter}{TO}')
    assert read_twice(line_end.join(lines) + line_end) == [
        {"to": TO, "variables": {"name": f'Li{delimiter} the "first"'}},
    ]


@pytest.mark.parametrize("heading", ["To", "TO", " tO ", "\ufeffto"])
def test_the_heading_of_the_addresses_is_found_without_regard_to_case(heading: str) -> None:
    assert read_twice(f"{heading};name\n{TO};Li\n") == [LI]


def test_a_heading_with_the_right_case_wins() -> None:
    assert read_twice(f"To,to\nx,{TO}\n") == [{"to": TO, "variables": {"To": "x"}}]


@pytest.mark.parametrize("heading", ["Mobil", "mobil", "MOBIL"])
def test_the_column_of_the_addresses_can_be_named(heading: str) -> None:
    assert read_twice(f"Vorname;Mobil;Nr\nLi;{TO};7\n", columns=[f"to={heading}", "name=Vorname", "reference=nr"]) == [
        {**LI, "reference": "7"}
    ]


def test_a_heading_may_be_in_any_script_and_have_spaces() -> None:
    assert read_twice(f"姓名,手机 号码\nLi,{TO}\n", columns=["to=手机 号码", "name=姓名"]) == [LI]


@pytest.mark.parametrize(
    ("header", "columns", "problem"),
    [
        ("Name;Mobil", [], "line 1: the header row must have a column `to` with the addresses."),
        ("Name;Mobil", [], "add --column to=NAME. Columns are separated by a comma, semicolon, tab or pipe."),
        ("Name;Mobil", [], "The columns are: Name, Mobil."),
        ("Name;Mobil", ["to=Phone"], "line 1: the header row has no column for --column to=. The columns are:"),
        ("to;Mobil", ["to=Mobil"], "line 1: there is a column `to` already. Rename it, or leave out --column to=."),
        ("TO;To;a", [], "line 1: the header row must have a column `to`"),
    ],
)
def test_an_error_in_the_header_row_says_what_to_do(header: str, columns: list[str], problem: str) -> None:
    assert problem in first_error(f"{header}\n{TO};Li;x\n", columns=columns)


@pytest.mark.parametrize("first_row", [f"{TO};Li", "anna@example.com,Anna"])
def test_a_file_without_a_header_row_is_refused_and_not_quoted(first_row: str) -> None:
    error = first_error(first_row + "\n")
    assert "the header row must have a column `to`" in error
    assert TO not in error
    assert "anna" not in error.lower()


@pytest.mark.parametrize(
    "raw",
    [
        f"to,name,,\n{TO},Li,,\n",
        f"to,,name\n{TO},,Li\n",
        f"to,name,,\n{TO},Li\n",
        f"to,name\n{TO},Li,,,\n",
        f"to,name\n{TO},Li\n,\n,,,\n\n , \n",
        f"\n,,\nto,name\n{TO},Li\n",
        f"sep=,\r\nto,name\r\n{TO},Li\r\n",
        f"sep=;\r\nto;name\r\n{TO};Li\r\n",
    ],
)
def test_columns_and_rows_without_content_are_left_out(raw: str) -> None:
    assert read_twice(raw) == [LI]


def test_a_value_in_a_column_without_a_name_is_named() -> None:
    assert errors_of(f"to,,\n{TO},,x\n{TO},,\n") == ["line 2: column 3 has a value, but no name in the header row."]


def test_a_row_with_a_name_and_no_address_is_not_skipped() -> None:
    assert errors_of(f"to,name\n{TO},Li\n,Wu\n") == ["line 3: to: must not be empty."]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (
            f'to,name\n{TO},Li\n{TO},"Wu\n{TO},Xi\n',
            'line 3: not valid CSV. A quote (") begins a cell here and is never',
        ),
        (f'to,name\n{TO},"Li" x\n', 'line 2: not valid CSV. After the quote (") that closes a cell'),
        (f'to,name\n{TO},"Li\n{TO},"Wu"\n', "line 2: not valid CSV."),
        (f"to,name\n{TO},{'x' * 200_000}\n", "line 2: not valid CSV. A cell is longer than 131,072 characters."),
        (f"to,name\n{TO},Li\n{TO},L\0\n", "people.csv, line 3: has a NUL byte"),
    ],
)
def test_an_error_of_csv_names_the_line_on_which_the_row_begins(raw: str, problem: str) -> None:
    assert first_error(raw).startswith(problem)


def test_the_line_of_a_recipient_is_the_first_of_its_row() -> None:
    rows = a_source(f'to,name\n\n{TO},"Li\nLi"\n{TO},Wu\n').rows()
    assert [rows.line for _ in rows] == [3, 5]


@pytest.mark.parametrize(
    ("raw", "options", "expected"),
    [
        (a_list(["Li"], ","), {}, ""),
        (f"\ufeff{a_list(['Li'], ',')}", {}, ""),
        (a_list(["李娜", "王伟"]).encode("gb18030"), {}, "people.csv: encoding gb18030, separated by semicolons"),
        (a_list(["Li"], ","), {"columns": ["vorname=name"]}, "people.csv: column name as vorname"),
        (a_list(["Li"], ":"), {"delimiter": ":"}, "people.csv: separated by :"),
    ],
)
def test_how_a_file_is_read_is_told_unless_it_is_a_matter_of_course(
    raw: str | bytes, options: Mapping[str, object], expected: str
) -> None:
    assert a_source(raw, **options).describe() == expected


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"delimiter": "ab"}, "--delimiter: must be one character, or comma, semicolon, tab or pipe."),
        ({"delimiter": '"'}, "--delimiter: must be one character"),
        ({"columns": ["Mobil"]}, "--column: must be name=HEADING, such as to=Mobile."),
        ({"columns": ["to="]}, "--column: must be name=HEADING"),
        ({"columns": ["to=a", "to=b"]}, "--column to=: must be given once."),
        ({"file_format": "xlsx"}, "--format: must be one of csv, jsonl, json."),
    ],
)
def test_an_option_that_cannot_be_used_is_named(options: Mapping[str, object], problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_twice(a_list(["Li"]), **options)
    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(("name", "delimiter"), [("tab", "\t"), ("\\t", "\t"), ("Semicolon", ";"), ("#", "#")])
def test_a_delimiter_can_be_given_by_name(name: str, delimiter: str) -> None:
    assert read_twice(a_list(["Li"], delimiter), delimiter=name) == [LI]
