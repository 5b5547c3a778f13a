"""JSON as programs and people write it."""

import json
import tracemalloc

import pytest

from cli.errors import UsageError
from tests.support.recipients_files import LI, TO, a_source, first_error, read_twice


@pytest.mark.parametrize(
    "raw",
    [
        f'[{{"to": "{TO}", "variables": {{"name": "Li"}}}}, "{TO}"]',
        json.dumps([LI, TO], indent=2),
        json.dumps([LI, TO], indent=2).replace("\n", "\r\n"),
        json.dumps([LI, TO], indent="\t").replace("\n", "\r"),
        f"{json.dumps(LI, indent=2)}\n{json.dumps(TO)}\n",
        f"\ufeff\n {json.dumps([LI, TO])}\n\n",
        f"{json.dumps(LI)}\r{json.dumps(TO)}\r",
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a", "a.txt"])
def test_json_is_read_as_an_array_and_in_any_form(raw: str, name: str) -> None:
    assert read_twice(raw, name) == [LI, TO]


@pytest.mark.parametrize("raw", ["[]", " [ ]\n"])
def test_an_empty_array_has_no_recipients(raw: str) -> None:
    assert read_twice(raw, "a.json") == []


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (f'[\n"{TO}",\n7,\n{{}}\n]', "line 3: must be an address, or an object with `to`."),
        (f'[\n"{TO}"\n"{TO}"]', "line 3: not valid JSON."),
        (f'[\n"{TO}",\n]', "line 3: not valid JSON."),
        (f'[\n"{TO}",\n{{"to"\n"x"}}]', "line 4: not valid JSON."),
        (f'[\n"{TO}"\n', "line 3: the array does not end. The file is incomplete."),
        (f'["{TO}"]\n"x"', "line 2: must not have anything after the end of the array."),
        (f'["{"1" * 1_100_000}', "line 1: not valid JSON. A value must not be longer than 1,000,000 characters."),
        ("[" * 100_000, "line 1: not valid JSON."),
        ('{\n"recipients": []}', "line 1: to: is required, recipients: is not a field of a recipient."),
    ],
)
def test_an_error_in_json_names_the_line(raw: str, problem: str) -> None:
    assert first_error(raw, "a.json") == problem


def test_a_large_array_is_read_with_little_memory() -> None:
    recipient = {"to": "13800138000", "variables": {"name": "Li" * 200}}
    raw = json.dumps([recipient] * 10_000).encode()
    rows = a_source(raw, "a.json").rows()
    tracemalloc.start()
    try:
        assert sum(1 for _ in rows) == 10_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000 < len(raw)


def test_json_is_read_in_other_encodings() -> None:
    assert read_twice(
        json.dumps([{**LI, "variables": {"name": "李娜"}}], ensure_ascii=False).encode("utf-16"), "a.json"
    ) == [{**LI, "variables": {"name": "李娜"}}]


def test_options_of_csv_are_refused_for_json() -> None:
    with pytest.raises(UsageError, match=r"--delimiter and --column: are for CSV. This file is JSON\."):
        read_twice(f'["{TO}"]', "a.json", columns=["to=x"])
