"""Secret variables in `rollcall template`: stored, listed, and masked in a preview."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cli.errors import UsageError
from cli.templates.manage import preview, put, show
from core.text_limits import TextLimits
from ledger.memory import MemoryLedger
from tests.unit.cli.template_steps import CODE, TENANT, a_template, printed


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


async def test_secret_variables_are_stored_listed_and_masked_in_a_preview(ledger: MemoryLedger) -> None:
    secret = replace(a_template("code {{code}}, {{name}}", "for {{code}}"), secret_variables=("code",))
    output = await printed(put, ledger, secret)
    assert output.splitlines()[1:] == ["variables: code, name", "secret: code"]
    assert "secret    code" in await printed(show, ledger, (TENANT, CODE, None))
    shown = json.loads(await printed(show, ledger, (TENANT, CODE, None), as_json=True))
    assert shown["secret_variables"] == ["code"]

    variables = {"code": "864209", "name": "Wei"}
    for as_json in (False, True):
        text = await printed(preview, ledger, (TENANT, CODE, None), variables, as_json=as_json)
        assert "864209" not in text
        assert "code ***, Wei" in text
        assert "for ***" in text


async def test_a_missing_secret_variable_is_a_placeholder_in_a_preview(ledger: MemoryLedger) -> None:
    await printed(put, ledger, replace(a_template("code {{code}}"), secret_variables=("code",)))
    assert (await printed(preview, ledger, (TENANT, CODE, None), {})).endswith("\ncode {{code}}\n")


async def test_a_secret_variable_that_would_write_headers_is_refused_in_a_preview(ledger: MemoryLedger) -> None:
    await printed(put, ledger, replace(a_template("text", "{{code}}"), secret_variables=("code",)))
    with pytest.raises(UsageError, match="--var: code must not contain a line break"):
        await printed(preview, ledger, (TENANT, CODE, None), {"code": "1\n2"})


async def test_other_secret_variables_are_a_new_version(ledger: MemoryLedger) -> None:
    await printed(put, ledger, a_template())
    output = await printed(put, ledger, replace(a_template(), secret_variables=("code",)))
    assert output.startswith("verify_code stored as version 2")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("pin",), "--secret-variable: pin is used in neither content nor subject."),
        (("code", "code"), "--secret-variable: must not name a variable twice."),
        (("",), "--secret-variable: must have at least 1 character"),
        (tuple(f"v{n}" for n in range(51)), "--secret-variable: must have at most 50 items"),
    ],
)
def test_a_secret_variable_that_the_template_does_not_name_is_refused(names: tuple[str, ...], expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        replace(a_template(), secret_variables=names).check(TextLimits())
    assert str(caught.value).startswith(expected)


async def test_the_mask_stands_as_it_is_in_a_link_of_a_preview(ledger: MemoryLedger) -> None:
    link = "<p><a href='https://x.example/login?code={{my code}}&name={{name}}'>x</a></p>"
    await printed(put, ledger, replace(a_template(link), secret_variables=("my\u00a0code",)))
    shown = await printed(preview, ledger, (TENANT, CODE, None), {"my code": "864209", "name": "a b"})
    assert "code=***&name=a%20b" in shown
