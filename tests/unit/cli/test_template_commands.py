"""`rollcall template` with the in-memory ledger, and its errors without MongoDB."""

import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.console import PrintableConsole
from cli.errors import UnknownTemplate, UsageError
from cli.templates.manage import preview, put, show, show_all
from cli.templates.validate_template import TemplateInput
from core.ids import template_id
from core.render import MAX_RENDERED
from core.text_limits import TextLimits
from ledger.memory import MemoryLedger
from schemas.statuses import ContentType
from tests.support.cli_runner import run_rollcall
from tests.unit.cli.template_steps import CODE, TENANT, a_template, printed

ID = template_id(TENANT, CODE)
Print = Callable[..., Awaitable[str]]


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


async def test_put_prints_version_id_and_variables(ledger: MemoryLedger) -> None:
    output = await printed(put, ledger, a_template(subject="for {{who}}"))

    assert output == f"verify_code stored as version 1 ({ID})\nvariables: code, name, who\n"


async def test_putting_the_same_text_again_changes_nothing(ledger: MemoryLedger) -> None:
    for _ in range(2):
        output = await printed(put, ledger, a_template("no variables"))

    assert output == f"verify_code unchanged, is version 1 ({ID})\nvariables: none\n"


async def test_put_as_json_tells_whether_the_version_is_new(ledger: MemoryLedger) -> None:
    documents = [json.loads(await printed(put, ledger, a_template(), as_json=True)) for _ in range(2)]

    assert documents[0] == {
        "id": ID,
        "tenant_id": TENANT,
        "code": CODE,
        "version": 1,
        "created_at": "2026-01-02T03:04:05+00:00",
        "variables": ["code", "name"],
        "secret_variables": [],
        "vendor_templates": {},
        "subject": None,
        "content_type": "text/plain",
        "content_type_reason": "it does not begin with a tag of HTML",
        "new": True,
    }
    assert documents[1] == documents[0] | {"new": False}


async def test_the_list_has_a_line_for_the_newest_version_of_each_template(ledger: MemoryLedger) -> None:
    for template in (a_template("one"), a_template("two {{x}}", "Hello"), a_template("three", code="alert")):
        await printed(put, ledger, template)

    assert (await printed(show_all, ledger, TENANT)).splitlines() == [
        "template     version  stored                   variables  subject",
        "alert              1  2026-01-02 03:04:05 UTC",
        "verify_code        2  2026-01-02 03:04:05 UTC  x          Hello",
    ]
    listed = json.loads(await printed(show_all, ledger, TENANT, as_json=True))
    assert [(one["code"], one["version"], one["variables"]) for one in listed] == [("alert", 1, []), (CODE, 2, ["x"])]


async def test_a_tenant_without_templates_gets_a_message(ledger: MemoryLedger) -> None:
    assert await printed(show_all, ledger, "other") == "tenant other has no templates\n"
    assert json.loads(await printed(show_all, ledger, "other", as_json=True)) == []


async def test_show_prints_a_version_and_its_unchanged_text(ledger: MemoryLedger) -> None:
    await printed(put, ledger, a_template("\told\n{{x}} [b]\n", "Hello"))
    await printed(put, ledger, a_template("new"))

    assert (
        await printed(show, ledger, (TENANT, CODE, 1))
        == f"""\
template  verify_code
id        {ID}
version   1
stored    2026-01-02 03:04:05 UTC
variables x
subject   Hello
type      text/plain in an e-mail, because it does not begin with a tag of HTML

\told
{{{{x}}}} [b]
"""
    )
    document = json.loads(await printed(show, ledger, (TENANT, CODE, None), as_json=True))
    assert (document["version"], document["content"], document["subject"]) == (2, "new", None)


async def test_a_text_cannot_control_a_terminal(ledger: MemoryLedger) -> None:
    await printed(put, ledger, a_template("red \x1b[31m\r\n\tnext 👩\u200d💻", "s"))

    assert "\x1b[31m" not in await printed(show, ledger, (TENANT, CODE, None), terminal=True)
    assert (await printed(preview, ledger, (TENANT, CODE, None), {}, terminal=True)).endswith(
        "red ?[31m\n\tnext 👩\u200d💻\n"
    )


@pytest.mark.parametrize("work", [show, lambda *args, as_json: preview(*args, {}, as_json=as_json)])
async def test_an_unknown_template_or_version_is_reported_with_a_hint(
    ledger: MemoryLedger, work: Callable[..., Any]
) -> None:
    await printed(put, ledger, a_template())

    with pytest.raises(
        UnknownTemplate, match=r"This version of template verify_code was not found. Its newest version is 1"
    ):
        await printed(work, ledger, (TENANT, CODE, 2))
    with pytest.raises(
        UnknownTemplate, match=r"Template verify_code of tenant tnt_b was not found. `rollcall template list"
    ):
        await printed(work, ledger, ("tnt_b", CODE, None))


async def test_a_preview_renders_and_escapes_as_a_mail_would(ledger: MemoryLedger) -> None:
    await printed(put, ledger, a_template("<p>{{name}} {{{{</p>", "for {{name}}"))

    assert await printed(preview, ledger, (TENANT, CODE, None), {"name": "A & B"}) == (
        "type: text/html in an e-mail, because it begins with the tag <p>\nsubject: for A & B\n\n<p>A &amp; B {{</p>\n"
    )


@pytest.mark.parametrize(
    ("stored", "in_request", "line"),
    [
        ("text/html", None, "type: text/html in an e-mail, because the template states it"),
        ("text/html", "text/plain", "type: text/plain in an e-mail, because the request states it"),
        (None, None, "type: text/html in an e-mail, because it begins with the tag <p>"),
    ],
)
async def test_a_preview_tells_the_content_type_and_why(
    ledger: MemoryLedger, stored: str | None, in_request: str | None, line: str
) -> None:
    await printed(put, ledger, replace(a_template("<p>x</p>"), content_type=stored and ContentType(stored)))

    output = await printed(preview, ledger, (TENANT, CODE, None), {}, in_request and ContentType(in_request))

    assert output.splitlines()[0] == line


async def test_a_template_has_no_byte_order_mark(ledger: MemoryLedger) -> None:
    await ledger.templates.put(TENANT, "old", "\ufeff<html><p>Hello {{name}}", None)
    await printed(put, ledger, a_template("\ufeff<html><p>Hello {{name}}"))

    for code in ("old", CODE):
        for work, *more in ((show,), (preview, {"name": "Anna"})):
            output = await printed(work, ledger, (TENANT, code, None), *more)
            assert "text/html in an e-mail" in output
            assert "\ufeff" not in output


async def test_a_preview_lists_missing_variables_and_keeps_their_placeholders(ledger: MemoryLedger) -> None:
    await printed(put, ledger, a_template("code {{code}} for {{ name }}, {{code}}", "for {{who}}"))
    out = io.StringIO()

    missing = await preview(
        ledger, PrintableConsole(file=out), (TENANT, CODE, None), {"name": "you", "more": "x"}, as_json=False
    )

    assert missing == ["code", "who"]
    assert out.getvalue().partition("\n")[2] == "subject: for {{who}}\n\ncode {{code}} for you, {{code}}\n"


async def test_a_preview_keeps_the_placeholders_of_links_and_refuses_scripts(ledger: MemoryLedger) -> None:
    await printed(put, ledger, a_template('<a href="{{link}}">{{name}}</a> <a href="/?q={{q}}">x</a>'))

    output = await printed(preview, ledger, (TENANT, CODE, None), {"name": "a&b"})
    assert output.splitlines()[-1] == '<a href="{{link}}">a&amp;b</a> <a href="/?q={{q}}">x</a>'
    with pytest.raises(UsageError, match="--var: link must not make a link run a script"):
        await printed(preview, ledger, (TENANT, CODE, None), {"link": "javascript:x"})


async def test_a_preview_as_json(ledger: MemoryLedger) -> None:
    await printed(put, ledger, a_template())

    assert json.loads(await printed(preview, ledger, (TENANT, CODE, 1), {"code": "7"}, as_json=True)) == {
        "code": CODE,
        "version": 1,
        "html": False,
        "content_type": "text/plain",
        "content_type_reason": "it does not begin with a tag of HTML",
        "subject": None,
        "content": "code 7 for {{name}}",
        "missing": ["name"],
    }


async def test_a_variable_that_would_write_headers_is_refused_by_its_name(ledger: MemoryLedger) -> None:
    await printed(put, ledger, a_template("text", "for {{who}}"))

    with pytest.raises(UsageError, match="--var: who must not contain a line break") as caught:
        await printed(preview, ledger, (TENANT, CODE, None), {"who": "secret\r\nBcc: x"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("content", "subject"), [("{{x}}{{x}}", None), ("text", "{{x}}{{x}}")])
async def test_a_preview_that_is_too_long_is_a_usage_error(
    ledger: MemoryLedger, content: str, subject: str | None
) -> None:
    await printed(put, ledger, a_template(content, subject))

    with pytest.raises(UsageError, match="--var: x makes a text too long") as caught:
        await printed(preview, ledger, (TENANT, CODE, None), {"x": "secret" * MAX_RENDERED})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (a_template("{{code"), "--content: malformed placeholder at position 0"),
        (a_template("<p>{{#1}}</p>"), "--content: malformed placeholder at position 3"),
        (a_template(subject="{{code"), "--subject: malformed placeholder at position 0"),
        (a_template(subject="a\nb"), "--subject: control character at position 1"),
        (a_template(subject="x" * 901), "--subject: must have at most 900 characters"),
        (a_template(subject="\udcff"), "--subject: "),
        (a_template(""), "--content or --content-file: one of them is required."),
        (a_template("\udcff"), "--content: must be valid UTF-8."),
        (a_template("x" * 500_001), "--content: must have at most 500,000 characters, has 500,001."),
        (a_template("é" * 131_073), "--content: has 262,146 bytes of UTF-8, and at most 262,144 are allowed."),
        (a_template("{{a}}" * 1_001), "--content: has 1,001 placeholders, and at most 1,000 are allowed."),
        (a_template(code=""), "CODE: must have at least 1 character"),
        (a_template(code="x" * 101), "CODE: must have at most 100 characters"),
        (a_template(code=" x"), "CODE: must not contain control characters, or begin or end with a blank."),
        (a_template(code="x\n"), "CODE: must not contain control characters, or begin or end with a blank."),
        (a_template(tenant="a b"), "--tenant: must have 1 to 64 letters"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_template_that_no_request_could_use_is_refused(template: TemplateInput, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        template.check(TextLimits())
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize("code", ["verify_code", "验证码", "a b/c"])
def test_a_code_may_be_any_name_that_can_be_read(code: str) -> None:
    a_template(code=code, subject="x" * 900).check(TextLimits())


def test_the_repr_of_a_template_input_does_not_contain_its_text() -> None:
    assert "hidden" not in repr(a_template("hidden", "hidden"))


def test_the_text_may_come_from_a_file_and_is_checked_before_mongodb_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "mail.html"
    path.write_text("<p>{{}}</p>", "utf-8")

    result = run_rollcall("template", "put", CODE, "--tenant", TENANT, "--content-file", str(path))

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("--content: malformed placeholder at position 3")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("args", [("put", CODE, "--content", "x"), ("list",), ("show", CODE), ("preview", CODE)])
def test_each_command_names_its_missing_setting(args: tuple[str, ...]) -> None:

    result = run_rollcall("template", *args, "--tenant", TENANT)

    assert (result.exit_code, result.stderr) == (2, "ROLLCALL_MONGO_URL: is not set\n")
