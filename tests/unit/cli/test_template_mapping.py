"""Mapping of a template in `rollcall template`: read from a file, checked, stored and shown."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.errors import UsageError
from cli.templates.manage import put, show
from cli.templates.mapping_file import MAX_PARAMETERS, MAX_PROVIDERS, parse_mapping
from core.text_limits import TextLimits
from core.vendor_template import VendorTemplate
from ledger.memory import MemoryLedger
from tests.support.cli_runner import run_rollcall
from tests.unit.cli.template_steps import CODE, TENANT, a_template, printed

FULL = {"template_code": "S" * 64, "sign_name": "签" * 64, "parameter_order": ["code"] * MAX_PARAMETERS}


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"template_code": "1110"}, VendorTemplate("1110")),
        (FULL, VendorTemplate("S" * 64, "签" * 64, ("code",) * MAX_PARAMETERS)),
        ({"template_code": "x", "parameter_order": ["a\u00a0 b"]}, VendorTemplate("x", "", ("a b",))),
    ],
)
def test_a_mapping_is_read(entry: object, expected: VendorTemplate) -> None:
    assert parse_mapping(json.dumps({"ali.yun": entry})) == {"ali.yun": expected}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({}, "template_code: field required"),
        ({"template_code": ""}, "template_code: must have at least 1 character"),
        ({"template_code": "x" * 65}, "template_code: must have at most 64 characters"),
        ({"template_code": "hidden\n"}, "template_code: must not contain line breaks or other control characters"),
        ({"template_code": 1110}, "template_code: input should be a valid string"),
        ({**FULL, "sign_name": "x" * 65}, "sign_name: must have at most 64 characters"),
        ({**FULL, "sign_name": "hidden\u2028"}, "sign_name: must not contain line breaks or other control characters"),
        ({**FULL, "parameter_order": "code"}, "parameter_order: input should be a valid array"),
        ({**FULL, "parameter_order": ["x"] * (MAX_PARAMETERS + 1)}, "parameter_order: must have at most 50 items"),
        ({**FULL, "parameter_order": ["x", ""]}, "parameter_order[1]: must have at least 1 character"),
        ({**FULL, "hidden": "x"}, "(unknown): extra inputs are not permitted"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_field_of_a_mapping_is_named_without_its_value(entry: object, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_mapping(json.dumps({"aliyun": entry}))
    assert str(caught.value) == f"--mapping-file: aliyun.{expected}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hidden", "--mapping-file: invalid JSON: "),
        ("[]", "--mapping-file: input should be an object"),
        (
            '{"hidden@example.com": {"template_code": "x"}}',
            "--mapping-file: the name of a provider: must have 1 to 64 letters",
        ),
        (json.dumps({f"p{n}": FULL for n in range(MAX_PROVIDERS + 1)}), "--mapping-file: must have at most 20 items"),
    ],
    ids=["no JSON", "no object", "wrong name", "too many providers"],
)
def test_a_file_that_is_no_mapping_is_refused(text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_mapping(text)
    assert str(caught.value).startswith(expected)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("unused", ["pin", "subject only"])
def test_a_parameter_that_the_content_does_not_use_is_refused(unused: str) -> None:
    mapping = {"aliyun": VendorTemplate("SMS_1", "", ("name", "code", unused))}
    with pytest.raises(UsageError) as caught:
        replace(a_template(subject="{{subject only}}"), vendor_templates=mapping).check(TextLimits())
    assert str(caught.value) == f"--mapping-file: aliyun.parameter_order[2]: {unused} is not a variable of the content."


async def test_a_mapping_is_a_new_version_and_the_same_one_again_changes_nothing(ledger: MemoryLedger) -> None:
    mapping = {
        "aliyun": VendorTemplate("SMS_1", "云通信", ("name", "code")),
        "tencent": VendorTemplate("1110"),
    }
    mapped = replace(a_template(), vendor_templates=mapping)
    mapped.check(TextLimits())
    notes = "aliyun: SMS_1 云通信 (name, code)", "tencent: 1110 ()"
    await printed(put, ledger, a_template())

    for result in ("stored as", "unchanged, is"):
        first, _, *last = (await printed(put, ledger, mapped)).splitlines()
        assert first.startswith(f"verify_code {result} version 2")
        assert last == [f"mapping: {note}" for note in notes]
    shown = await printed(show, ledger, (TENANT, CODE, None))
    assert "".join(f"\nmapping   {note}" for note in notes) in shown
    assert "mapping" not in await printed(show, ledger, (TENANT, CODE, 1))


async def test_show_prints_a_mapping_that_put_reads_again(ledger: MemoryLedger) -> None:
    mapping = {"aliyun": VendorTemplate("SMS_1", "云通信", ("name", "code"))}
    await printed(put, ledger, replace(a_template(), vendor_templates=mapping))

    shown = json.loads(await printed(show, ledger, (TENANT, CODE, None), as_json=True))

    assert parse_mapping(json.dumps(shown["vendor_templates"])) == mapping


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ('{"aliyun": {}}', "--mapping-file: aliyun.template_code: field required"),
        (
            '{"aliyun": {"template_code": "x", "parameter_order": ["pin"]}}',
            "--mapping-file: aliyun.parameter_order[0]: pin is not a variable of the content.",
        ),
        (None, "--mapping-file: "),
    ],
    ids=["wrong field", "wrong variable", "no file"],
)
def test_the_command_checks_the_file_before_mongodb_is_asked(
    tmp_path: Path, mapping: str | None, expected: str
) -> None:
    path = tmp_path / "mapping.json"
    if mapping is not None:
        path.write_text(mapping, "utf-8")

    result = run_rollcall(
        "template", "put", CODE, "--tenant", TENANT, "--content", "{{code}}", "--mapping-file", str(path)
    )

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(expected)
