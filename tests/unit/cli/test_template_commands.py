"""`rollcall template`, over a ledger in memory, and its errors up to where MongoDB would be asked."""

import io
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from cli.errors import UnknownTemplate, UsageError
from cli.main import app
from cli.templates.manage import preview, put, show, show_all
from cli.templates.validate_template import MAX_TEMPLATE_BYTES, TemplateInput
from core.ids import template_id
from core.render import MAX_RENDERED
from ledger.memory import MemoryLedger

TENANT, CODE = "tnt_a", "verify_code"
ID = template_id(TENANT, CODE)
Print = Callable[..., Awaitable[str]]


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


async def printed(
    work: Callable[..., Awaitable[Any]], *args: Any, terminal: bool = False, as_json: bool = False
) -> str:
    out = io.StringIO()
    console = Console(file=out, width=100, highlight=False, markup=False, force_terminal=terminal, color_system=None)
    ledger, *rest = args
    await work(ledger, console, *rest, as_json=as_json)
    return out.getvalue()


def a_draft(content: str = "code {{code}} for {{ name }}", subject: str | None = None, **changes: str) -> TemplateInput:
    return TemplateInput(**{"tenant": TENANT, "code": CODE, "content": content, "subject": subject, **changes})  # type: ignore[arg-type]


def rollcall(*args: str) -> Result:
    return CliRunner().invoke(app, ["template", *args])


async def test_put_says_version_id_and_the_variables_it_needs(ledger: MemoryLedger) -> None:
    said = await printed(put, ledger, a_draft(subject="for {{who}}"))

    assert said == f"verify_code stored as version 1 ({ID})\nvariables: code, name, who\n"


async def test_putting_the_same_again_says_that_it_stands(ledger: MemoryLedger) -> None:
    for _ in range(2):
        said = await printed(put, ledger, a_draft("no variables"))

    assert said == f"verify_code unchanged, is version 1 ({ID})\nvariables: none\n"


async def test_put_as_json_says_whether_it_is_new(ledger: MemoryLedger) -> None:
    documents = [json.loads(await printed(put, ledger, a_draft(), as_json=True)) for _ in range(2)]

    assert documents[0] == {
        "id": ID,
        "tenant_id": TENANT,
        "code": CODE,
        "version": 1,
        "created_at": "2026-01-02T03:04:05+00:00",
        "variables": ["code", "name"],
        "subject": None,
        "new": True,
    }
    assert documents[1] == documents[0] | {"new": False}


async def test_the_list_has_a_line_for_each_in_its_newest_version(ledger: MemoryLedger) -> None:
    for draft in (a_draft("one"), a_draft("two {{x}}", "Hello"), a_draft("three", code="alert")):
        await printed(put, ledger, draft)

    assert (await printed(show_all, ledger, TENANT)).splitlines() == [
        "template     version  stored                   variables  subject",
        "alert              1  2026-01-02 03:04:05 UTC",
        "verify_code        2  2026-01-02 03:04:05 UTC  x          Hello",
    ]
    listed = json.loads(await printed(show_all, ledger, TENANT, as_json=True))
    assert [(one["code"], one["version"], one["variables"]) for one in listed] == [("alert", 1, []), (CODE, 2, ["x"])]


async def test_a_tenant_without_templates_is_told_so(ledger: MemoryLedger) -> None:
    assert await printed(show_all, ledger, "other") == "tenant other has no templates\n"
    assert json.loads(await printed(show_all, ledger, "other", as_json=True)) == []


async def test_show_prints_what_is_known_of_a_version_and_its_text_as_it_is(ledger: MemoryLedger) -> None:
    await printed(put, ledger, a_draft("\told\n{{x}} [b]\n", "Hello"))
    await printed(put, ledger, a_draft("new"))

    assert (
        await printed(show, ledger, (TENANT, CODE, 1))
        == f"""\
template  verify_code
id        {ID}
version   1
stored    2026-01-02 03:04:05 UTC
variables x
subject   Hello

\told
{{{{x}}}} [b]
"""
    )
    document = json.loads(await printed(show, ledger, (TENANT, CODE, None), as_json=True))
    assert (document["version"], document["content"], document["subject"]) == (2, "new", None)


async def test_a_text_cannot_steer_a_terminal(ledger: MemoryLedger) -> None:
    await printed(put, ledger, a_draft("red \x1b[31m\r\n\tnext 👩\u200d💻", "s"))

    assert "\x1b[31m" not in await printed(show, ledger, (TENANT, CODE, None), terminal=True)
    assert (await printed(preview, ledger, (TENANT, CODE, None), {}, terminal=True)).endswith(
        "red ?[31m\n\tnext 👩\u200d💻\n"
    )


@pytest.mark.parametrize("work", [show, lambda *args, as_json: preview(*args, {}, as_json=as_json)])
async def test_what_there_is_not_ends_with_what_there_is(ledger: MemoryLedger, work: Callable[..., Any]) -> None:
    await printed(put, ledger, a_draft())

    with pytest.raises(
        UnknownTemplate, match=r"This version of template verify_code was not found. Its newest version is 1"
    ):
        await printed(work, ledger, (TENANT, CODE, 2))
    with pytest.raises(
        UnknownTemplate, match=r"Template verify_code of tenant tnt_b was not found. `rollcall template list"
    ):
        await printed(work, ledger, ("tnt_b", CODE, None))


async def test_a_preview_renders_and_escapes_as_a_mail_would(ledger: MemoryLedger) -> None:
    await printed(put, ledger, a_draft("<p>{{name}} {{{{</p>", "for {{name}}"))

    assert await printed(preview, ledger, (TENANT, CODE, None), {"name": "A & B"}) == (
        "subject: for A & B\n\n<p>A &amp; B {{</p>\n"
    )


async def test_a_preview_names_each_missing_variable_and_leaves_its_place(ledger: MemoryLedger) -> None:
    await printed(put, ledger, a_draft("code {{code}} for {{ name }}, {{code}}", "for {{who}}"))
    out = io.StringIO()

    missing = await preview(
        ledger, Console(file=out), (TENANT, CODE, None), {"name": "you", "more": "x"}, as_json=False
    )

    assert missing == ["code", "who"]
    assert out.getvalue() == "subject: for {{who}}\n\ncode {{code}} for you, {{code}}\n"


async def test_a_preview_as_json(ledger: MemoryLedger) -> None:
    await printed(put, ledger, a_draft())

    assert json.loads(await printed(preview, ledger, (TENANT, CODE, 1), {"code": "7"}, as_json=True)) == {
        "code": CODE,
        "version": 1,
        "html": False,
        "subject": None,
        "content": "code 7 for {{name}}",
        "missing": ["name"],
    }


async def test_a_variable_that_would_write_headers_is_refused_by_its_name(ledger: MemoryLedger) -> None:
    await printed(put, ledger, a_draft("text", "for {{who}}"))

    with pytest.raises(UsageError, match="--var: who must not contain a line break") as caught:
        await printed(preview, ledger, (TENANT, CODE, None), {"who": "secret\r\nBcc: x"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("content", "subject"), [("{{x}}{{x}}", None), ("text", "{{x}}{{x}}")])
async def test_a_preview_that_is_too_long_is_a_usage_error(
    ledger: MemoryLedger, content: str, subject: str | None
) -> None:
    await printed(put, ledger, a_draft(content, subject))

    with pytest.raises(UsageError, match="--var: x makes the values in one text longer than") as caught:
        await printed(preview, ledger, (TENANT, CODE, None), {"x": "secret" * MAX_RENDERED})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (a_draft("{{code"), "--content: malformed placeholder at position 0"),
        (a_draft("<p>{{1}}</p>"), "--content: malformed placeholder at position 3"),
        (a_draft(subject="{{code"), "--subject: malformed placeholder at position 0"),
        (a_draft(subject="a\nb"), "--subject: control character at position 1"),
        (a_draft(subject="x" * 901), "--subject: string should have at most 900 characters"),
        (a_draft(subject="\udcff"), "--subject: "),
        (a_draft(""), "--content or --content-file: one of them is required."),
        (a_draft("\udcff"), "--content: must be valid UTF-8."),
        (a_draft("x" * (MAX_TEMPLATE_BYTES + 1)), "--content: must have at most 524,288 bytes, has 524,289."),
        (a_draft(code=""), "CODE: string should have at least 1 character"),
        (a_draft(code="x" * 101), "CODE: string should have at most 100 characters"),
        (a_draft(code=" x"), "CODE: must not contain control characters, or begin or end with a blank."),
        (a_draft(code="x\n"), "CODE: must not contain control characters, or begin or end with a blank."),
        (a_draft(tenant="a b"), "--tenant: string should match pattern"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_draft_that_no_request_could_use_is_refused(draft: TemplateInput, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        draft.check()
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("code", ["verify_code", "验证码", "a b/c"])
def test_a_code_may_be_any_name_that_can_be_read(code: str) -> None:
    a_draft(code=code, subject="x" * 900).check()


def test_a_draft_does_not_show_its_text() -> None:
    assert "secret" not in repr(a_draft("secret", "secret"))


def test_the_text_may_come_from_a_file_and_is_checked_before_mongodb_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "mail.html"
    path.write_text("<p>{{}}</p>", "utf-8")

    result = rollcall("put", CODE, "--tenant", TENANT, "--content-file", str(path))

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("--content: malformed placeholder at position 3")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("args", [("put", CODE, "--content", "x"), ("list",), ("show", CODE), ("preview", CODE)])
def test_each_command_names_the_setting_it_lacks_and_its_help_has_an_example(
    args: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROLLCALL_MONGO_URL", raising=False)

    result = rollcall(*args, "--tenant", TENANT)

    assert (result.exit_code, result.stderr) == (2, "ROLLCALL_MONGO_URL: is not set\n")
    assert f"rollcall template {args[0]}" in rollcall(args[0], "--help").stdout.partition("Example:")[2]
