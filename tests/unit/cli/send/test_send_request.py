from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from cli.errors import CommandError
from cli.recipients_file.open_file import open_source
from cli.send.request_options import check_request_options
from cli.send.send_request import SendRequest, new_request_id, scan_file
from cli.template_check import compile_content
from core.text_limits import SmsLimit
from schemas.requests import BulkRequest
from schemas.statuses import Channel, ContentType

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FIELDS = {"channel": Channel.SMS, "content": "hi", "template": None, "region": "CN"}
BODY = check_request_options(FIELDS, tenant="t", request_id="r")


def a_request(source: object) -> SendRequest:
    text = compile_content(Channel.SMS, "hi", None, {}, ContentType.PLAIN)
    return SendRequest(source, BODY, text, None, SmsLimit(10), "tnt_test", "req-1", AT, repeated=False)  # type: ignore[arg-type]


def a_file(tmp_path: Path, lines: int, name_bytes: int = 10) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("to,name\n" + "".join(f"{13_800_000_000 + n},{'x' * name_bytes}\n" for n in range(lines)))
    return path


def test_the_parts_of_a_file_are_records_of_the_intake(tmp_path: Path) -> None:
    with open_source(a_file(tmp_path, 2_000, name_bytes=1_000)) as source:
        request = a_request(source)
        summary, _ = scan_file(request)
        parts = list(request.parts())
    assert (summary.recipients, summary.parts) == (2_000, len(parts))
    assert summary.bytes == sum(len(part.value) for part in parts)
    requests = [BulkRequest.model_validate_json(part.value) for part in parts]
    assert [request.part for request in requests] == [0, 1, 2]
    assert [request.last for request in requests] == [False, False, True]
    assert {request.accepted_at for request in requests} == {AT}
    assert {part.key for part in parts} == {b"req-1"}


def test_a_second_pass_gives_the_same_records(tmp_path: Path) -> None:
    with open_source(a_file(tmp_path, 100)) as source:
        request = a_request(source)
        assert [part.value for part in request.parts()] == [part.value for part in request.parts()]


def test_a_recipient_too_large_for_a_record_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "people.jsonl"
    big = {"to": "1", "variables": {str(n): "é" * 60_000 for n in range(8)}}
    path.write_bytes(b'"13800138000"\n' + orjson.dumps(big) + b"\n")
    with open_source(path) as source, pytest.raises(CommandError) as caught:
        scan_file(a_request(source))
    assert str(caught.value) == "people.jsonl, line 2: does not fit into one record."


def test_ids_sort_by_time() -> None:
    made = [new_request_id() for _ in range(3)]
    assert len(set(made)) == 3
    assert sorted(id_[:13] for id_ in made) == [id_[:13] for id_ in made]
