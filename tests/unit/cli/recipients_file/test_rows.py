import io

import pytest

from cli.recipients_file.layout import FileOptions, RowFormat
from cli.recipients_file.open_file import Source, read_source
from cli.recipients_file.row_error import RowError
from cli.recipients_file.rows import MAX_LINE_LENGTH
from core.request_parts import recipient_json

ADDRESS = "13800138000"


def a_source(text: str | bytes, row_format: RowFormat = RowFormat.CSV) -> Source:
    raw = text if isinstance(text, bytes) else text.encode()
    return read_source(io.BytesIO(raw), "people", "", FileOptions(row_format))


def read(text: str | bytes, row_format: RowFormat = RowFormat.CSV) -> list[object]:
    return [recipient_json(row) for row in a_source(text, row_format).rows()]


def test_columns_beyond_to_and_reference_are_variables() -> None:
    assert read("name,to,reference\nLi,138,order-1\nWu,139,\n") == [
        {"to": "138", "variables": {"name": "Li"}, "reference": "order-1"},
        {"to": "139", "variables": {"name": "Wu"}},
    ]


def test_the_column_region_is_the_country_of_each_number() -> None:
    assert read("to,region,name\n0171,de,Li\n138,,Wu\n") == [
        {"to": "0171", "variables": {"name": "Li"}, "region": "DE"},
        {"to": "138", "variables": {"name": "Wu"}},
    ]


def test_the_column_timezone_is_the_time_zone_of_each_recipient() -> None:
    assert read("to,timezone,name\n138,Asia/Urumqi,Li\n139,,Wu\n") == [
        {"to": "138", "variables": {"name": "Li"}, "timezone": "Asia/Urumqi"},
        {"to": "139", "variables": {"name": "Wu"}},
    ]


def test_the_file_of_a_spreadsheet_is_read() -> None:
    assert read('\ufeffto,name\r\n 138 ,"Li, ""the"" 李\r\nsecond line"\r\n\r\n') == [
        {"to": "138", "variables": {"name": 'Li, "the" 李\r\nsecond line'}},
    ]


def test_an_empty_cell_means_that_the_variable_is_not_given() -> None:
    assert read("to,name,city\n138,,\n139, ,x\n") == [
        {"to": "138"},
        {"to": "139", "variables": {"name": " ", "city": "x"}},
    ]


def test_a_line_that_cannot_be_used_does_not_hide_the_next_one() -> None:
    judged = list(a_source("to,a\n,1\n138\n139,2\n,3\n").rows().checked_rows())
    assert [str(row) for row in judged if isinstance(row, RowError)] == [
        "line 2: to: must not be empty.",
        "line 3: number of columns must be 2 as in the header row, is 1.",
        "line 5: to: must not be empty.",
    ]
    assert len(judged) == 4


def test_json_lines_can_give_an_empty_text() -> None:
    line = '{"to": "139", "variables": {"name": ""}}'
    assert read(line, RowFormat.JSONL) == [{"to": "139", "variables": {"name": ""}}]


def test_json_lines_are_strings_or_objects() -> None:
    lines = '"138"\n\n{"to": "139", "variables": {"name": "Li"}, "reference": "r"}\n'
    assert read(lines, RowFormat.JSONL) == ["138", {"to": "139", "variables": {"name": "Li"}, "reference": "r"}]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "line 1: the header row must have a column `to`"),
        (f"{ADDRESS}\n", "line 1: the header row must have a column `to`"),
        ("to,a,a\n", "line 1: no name may occur twice in the header row. The columns are: to, a, a."),
        (f"to,a\n{ADDRESS},1\n{ADDRESS}\n", "line 3: number of columns must be 2 as in the header row, is 1."),
        (
            f"to,a\n{ADDRESS},1,2\n",
            "line 2: number of columns must be 2 as in the header row, is 3. Quote values that contain the delimiter.",
        ),
        ("to,a\n,1\n", "line 2: to: must not be empty."),
        (f'to\n"{ADDRESS}', "line 2: not valid CSV"),
        (f"to,a\n{ADDRESS},{'x' * 200_000}\n", "line 2: not valid CSV"),
        ("to\n" + "1" * (MAX_LINE_LENGTH + 1), f"line 2: must not be longer than {MAX_LINE_LENGTH:,} characters"),
        (f"to,{ADDRESS * 10}\n1,2\n", "line 2: variables.***: must have at most 100 characters"),
        (f"to,region\n{ADDRESS},UK\n", "line 2: region: must be the ISO 3166-1 code of a country"),
        (f"to,timezone\n{ADDRESS},asia/shanghai\n", "line 2: timezone: must be the name of a time zone"),
        (f"to,reference\n{ADDRESS},{'r' * 201}\n", "line 2: reference: must have at most 200 characters"),
    ],
)
def test_a_bad_line_of_csv_is_named_and_not_quoted(text: str | bytes, expected: str) -> None:
    with pytest.raises(RowError) as caught:
        read(text)
    assert str(caught.value).startswith(expected)
    assert ADDRESS not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "not valid JSON"),
        ("7", "must be an address, or an object with `to`"),
        ("[]", "must be an address, or an object with `to`"),
        ("{}", "to: is required"),
        ('""', "must not be empty"),
        ('{"to": 138}', "to: input should be a valid string"),
        ('{"to": "138", "variables": {"a": 1}}', "variables.a: input should be a valid string"),
        (f'{{"to": "138", "variables": {{"{ADDRESS}": 1}}}}', "variables.***: input should be a valid string"),
        (f'{{"to": "138", "{ADDRESS}": 1}}', "***: is not a field of a recipient"),
        ('{"to": "138", "colour": 1}', "colour: is not a field of a recipient"),
    ],
)
def test_a_bad_line_of_json_is_named_and_not_quoted(line: str, expected: str) -> None:
    with pytest.raises(RowError) as caught:
        read(f'"138"\n{line}\n', RowFormat.JSONL)
    assert str(caught.value) == f"line 2: {expected}."


def test_rows_are_read_lazily() -> None:
    rows = a_source("to\n1\n2\nbroken,row\n").rows()
    first = next(iter(rows))
    assert recipient_json(first) == {"to": "1"}
    assert rows.line == 2
