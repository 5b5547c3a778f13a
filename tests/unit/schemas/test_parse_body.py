"""Requests without `content`: accepted beside a template, and refused as before without one."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.bulk_body import BulkSendRequest
from schemas.parse_body import parse_body
from schemas.requests import BulkRequest
from schemas.validation_errors import read_problems

BODY = {"channel": "sms", "recipients": ["13800138000", {"to": "139", "variables": {"a": "1"}}], "template": "t"}


def parsed(**changes: Any) -> BulkSendRequest:
    return parse_body(BulkSendRequest, json.dumps({**BODY, **changes}).encode())


def problems(raw: bytes) -> list[tuple[tuple[int | str, ...], str]]:
    with pytest.raises(ValidationError) as refused:
        parse_body(BulkSendRequest, raw)
    return [(problem.location, problem.kind) for problem in read_problems(refused.value)]


@pytest.mark.parametrize("changes", [{}, {"content": None}, {"content": "", "send_at": "2026-01-02T03:04:05+08:00"}])
def test_content_may_be_absent_null_or_empty_beside_a_template(changes: dict[str, Any]) -> None:
    body = parsed(**changes)
    assert (body.content, body.template, len(body.recipients)) == ("", "t", 2)
    record = json.dumps({**BODY, **changes, "tenant_id": "tnt_a"}).encode()
    assert parse_body(BulkRequest, record).content == ""


@pytest.mark.parametrize("template", [{"template": None}, {}])
def test_without_a_template_content_is_required_as_before(template: dict[str, Any]) -> None:
    body = {name: value for name, value in BODY.items() if name != "template"} | template
    assert problems(json.dumps(body).encode()) == [(("content",), "missing")]
    assert (("content",), "missing") in problems(b"{}")


def test_all_other_problems_are_reported_and_content_is_not_one_of_them() -> None:
    assert problems(b'{"channel": "fax", "recipients": [], "template": "t"}') == [(("channel",), "enum")]
    assert problems(b'{"channel": "sms", "recipients": ["1"], "template": ""}') == [(("template",), "string_too_short")]
    assert (("content",), "string_type") in problems(b'{"channel": "sms", "content": 7, "template": "t"}')


def test_the_schema_keeps_content_required_as_the_contract_lists_it() -> None:
    for model in (BulkSendRequest, BulkRequest):
        assert "content" in model.model_json_schema()["required"]
