"""`send --dry-run`, and errors of `send` before anything is published."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from core.variable_names import NAME_RULE
from tests.support.cli_runner import lines_with_single_spaces, run_rollcall

GOOD = [f"138000000{n:02d}" for n in range(40)]
REGION = {"ROLLCALL_DEFAULT_REGION": "CN"}
KAFKA = {"ROLLCALL_KAFKA_BOOTSTRAP": "127.0.0.1:1"}


def send(
    tmp_path: Path,
    lines: list[str],
    *more: str,
    content: str = "Hello {{name}}",
    name: str = "p.csv",
    **env: str | None,
) -> Result:
    file = tmp_path / name
    file.write_text("\n".join(lines) + "\n")
    way = [] if "--url" in more else ["--tenant", "t"]
    return run_rollcall("send", str(file), "--channel", "sms", "--content", content, *way, *more, **{**REGION, **env})


def dry_run(tmp_path: Path, lines: list[str], *more: str, **changes: Any) -> Result:
    return send(tmp_path, lines, "--dry-run", *more, **changes)


def test_a_dry_run_of_a_valid_file_does_not_need_kafka(tmp_path: Path) -> None:
    result = dry_run(tmp_path, ["to,name", *(f"{to},Li" for to in GOOD)])
    assert (result.exit_code, result.stderr) == (0, "")
    first, *rest = lines_with_single_spaces(result.stdout)
    assert first.startswith("40 recipients in 1 part, express lane, ")
    assert rest == [
        "numbers without + count as numbers of CN (ROLLCALL_DEFAULT_REGION)",
        "the content is text/plain, because an SMS is text",
        "",
        "would be recipients meaning",
        "sent 40 handed to a provider",
        "total 40",
        "",
        "encoding SMS segments",
        "gsm7 40 40",
        "total 40 40",
        "",
        "nothing was published",
    ]


def test_recipients_that_would_fail_are_listed_by_line_and_reason(tmp_path: Path) -> None:
    lines = ["to,name", f"{GOOD[0]},Li", "12,Li", f"{GOOD[1]},", f"+86{GOOD[0]},", f"{GOOD[2]},Wu"]
    result = dry_run(tmp_path, lines)
    output = lines_with_single_spaces(result.stdout)
    assert result.exit_code == 1
    assert result.stderr == "2 of 5 recipients would fail.\n"
    for line in (
        "sent 2 handed to a provider",
        "failed, invalid_recipient 1 the address is not valid for this channel",
        "suppressed, duplicate 1 the same address appears earlier in the request",
        "failed, missing_variable 1 the message uses a variable that has no value",
    ):
        assert line in output
    table = output.index("line reason variable error")
    assert output[table + 1 : table + 4] == [
        "3 invalid_recipient the address is not a valid number of its country",
        "4 missing_variable name",
        "5 duplicate",
    ]


def test_a_dry_run_counts_the_segments_of_all_that_would_be_sent(tmp_path: Path) -> None:
    names = ["Li", "x" * 200, "伟", "Li", "Li"]
    numbers = [*GOOD[:3], GOOD[0], "12"]  # a duplicate and an invalid number
    lines = [f"{to},{name}" for to, name in zip(numbers, names, strict=True)]
    output = lines_with_single_spaces(dry_run(tmp_path, ["to,name", *lines]).stdout)
    at = output.index("encoding SMS segments")
    assert output[at + 1 : at + 4] == ["gsm7 2 3", "ucs2 1 1", "total 3 4"]


def test_a_dry_run_tells_the_cost_if_it_knows_the_prices(tmp_path: Path) -> None:
    lines = ["to,name", f"{GOOD[0]},Li", f"{GOOD[1]},{'x' * 200}", f"{GOOD[1]},Wu", "+491711234567,Li"]
    prices = {"currency": "EUR", "by_prefix": {"+86": "0.045"}}
    providers = json.dumps([{"name": "sim", "kind": "simulator", "channel": "sms", "prices": prices}])
    output = dry_run(tmp_path, lines, ROLLCALL_PROVIDERS=providers).stdout
    assert "cost: 0.135 EUR at the prices of sim, and 1 SMS without a price" in output
    assert "cost" not in dry_run(tmp_path, lines, ROLLCALL_PROVIDERS="[]").stdout


@pytest.mark.parametrize(
    ("budget", "says"),
    [
        ("0.09", None),
        ("0.089", "the budget of 0.089 EUR is too small. Deliveries beyond it would end suppressed, budget_exhausted"),
    ],
)
def test_a_dry_run_tells_that_a_budget_is_too_small(tmp_path: Path, budget: str, says: str | None) -> None:
    prices = {"currency": "EUR", "by_prefix": {"": "0.045"}}
    providers = json.dumps([{"name": "sim", "kind": "simulator", "channel": "sms", "prices": prices}])
    lines = ["to,name", f"{GOOD[0]},Li", f"{GOOD[1]},Wu"]
    done = dry_run(tmp_path, lines, "--budget", budget, ROLLCALL_PROVIDERS=providers)
    unknown = dry_run(tmp_path, lines, "--budget", budget).stdout

    assert done.exit_code == 0
    assert [line for line in done.stdout.splitlines() if "budget" in line] == ([says] if says else [])
    assert "the budget was not compared, because this shell does not know the prices" in unknown


def test_a_dry_run_without_a_region_tells_how_numbers_are_read(tmp_path: Path) -> None:
    lines = ["to,name", f"{GOOD[0]},Li", f"+86{GOOD[1]},Li"]
    result = dry_run(tmp_path, lines, ROLLCALL_DEFAULT_REGION=None)
    assert (
        "numbers without + need a region, because --region and ROLLCALL_DEFAULT_REGION are not given" in result.stdout
    )
    assert result.exit_code == 1


@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--url", "http://x", "--token", "t")])
def test_a_number_without_a_country_is_named_before_anything_is_published(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    """The setting of the consumer is not known here, so that a dry run could not tell the number."""
    lines = ["to,name,region", f"{GOOD[0]},Li,", f"+86{GOOD[1]},Li,", f"{GOOD[2]},Li,CN", "12 or so,Li,"]
    result = send(tmp_path, lines, *more, ROLLCALL_DEFAULT_REGION=None, **KAFKA)
    assert result.exit_code == 1
    first, second, *_ = result.stderr.splitlines()
    assert first.startswith("p.csv, line 2: to: has no country. Write it with +, or give --region,")
    assert ", line " not in second


def test_the_option_wins_over_the_setting(tmp_path: Path) -> None:
    result = dry_run(tmp_path, ["to,name", "0171 2345678,Li"], "--region", "de")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "numbers without + count as numbers of DE (--region)" in result.stdout


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ((), "the content is text/html, because it begins with the tag <p>"),
        (("--content-type", "text/plain"), "the content is text/plain, because the request states it"),
        (
            ("--url", "http://x", "--template", "t"),
            "the service chooses between text/plain and text/html, because it has the template",
        ),
    ],
)
def test_a_dry_run_tells_the_content_type_of_an_email_and_why(tmp_path: Path, more: tuple[str, ...], note: str) -> None:
    mail = ("--channel", "email", "--subject", "s", *more)
    result = dry_run(tmp_path, ["to,name", "anna@example.com,Anna"], *mail, content="<p>{{name}}</p>")
    assert note in result.stdout
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ("text/html", "--content-type: must be text/plain for SMS, because text/html is for e-mail only"),
        ("text/rtf", "'text/html'"),
    ],
)
def test_a_content_type_that_an_sms_cannot_have_is_refused(tmp_path: Path, given: str, error: str) -> None:
    result = send(tmp_path, ["to,name", f"{GOOD[0]},Li"], "--content-type", given)
    assert result.exit_code == 2
    assert error in " ".join(result.stderr.split())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_content_file_is_read_with_or_without_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    people, mail = tmp_path / "p.csv", tmp_path / "mail.html"
    people.write_text("to,name\nanna@example.com,Anna\n")
    mail.write_text("<html><body><p>Hello {{name}}</p></body></html>\r\n", encoding)
    options = ("--channel", "email", "--subject", "s", "--tenant", "t", "--content-file", str(mail), "--dry-run")
    result = run_rollcall("send", str(people), *options)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "the content is text/html, because it begins with the tag <html>" in result.stdout


def test_columns_with_spaces_and_of_any_script_are_variables(tmp_path: Path) -> None:
    lines = ["to,First Name,姓名,2fa,Total (EUR)", f"{GOOD[0]},Anna,李,7,1"]
    result = dry_run(tmp_path, lines, content="{{First Name}} {{ 姓名 }} {{2fa}}")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        f"1 column or variable cannot be used in a text, because of the name (Total (EUR)). {NAME_RULE}"
        in result.stdout
    )


def test_duplicates_are_not_failures(tmp_path: Path) -> None:
    assert dry_run(tmp_path, ["to,name", f"{GOOD[0]},Li", f"{GOOD[0]},Li"]).exit_code == 0


def test_only_the_first_of_many_recipients_are_shown(tmp_path: Path) -> None:
    output = dry_run(tmp_path, ["to,name", f"{GOOD[0]},Li", *("12,Li" for _ in range(30))]).stdout
    assert output.count("invalid_recipient") == 1 + 20
    assert "and 10 more" in output


def test_parts_and_their_bytes_are_counted(tmp_path: Path) -> None:
    output = dry_run(tmp_path, ["to,name", *(f"{to},{'x' * 90_000}" for to in GOOD)]).stdout
    parts, _, size = output.splitlines()[0].removeprefix("40 recipients in ").split(", ", 2)
    assert parts == "5 parts"
    assert int(size.removesuffix(" bytes").replace(",", "")) > 40 * 90_000


def test_one_call_over_http_has_its_limits(tmp_path: Path) -> None:
    result = dry_run(tmp_path, ["to,name", *(f"{to},{'x' * 100_000}" for to in 5 * GOOD)], "--url", "http://x")
    assert result.exit_code == 2
    assert result.stderr.endswith("Send the file over Kafka, without --url.\n")


BAD_LINES = ["to,name", f"{GOOD[0]},Li", ",Wu", f"{GOOD[1]}", ",Xi"]


@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--url", "http://x", "--token", "t")])
def test_each_line_that_cannot_be_used_is_named_before_anything_is_published(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    result = send(tmp_path, BAD_LINES, *more, **KAFKA)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[:3] == [
        "p.csv, line 3: to: must not be empty.",
        "p.csv, line 4: number of columns must be 2 as in the header row, is 1.",
        "p.csv, line 5: to: must not be empty.",
    ]


def test_only_the_first_of_many_bad_lines_are_named(tmp_path: Path) -> None:
    lines = ["to,name", *(",Li" for _ in range(30)), f"{GOOD[0]},Li"]
    errors = send(tmp_path, lines, **KAFKA).stderr.splitlines()
    assert len(errors) == 22
    assert errors[-2:] == ["p.csv: 10 more lines cannot be used.", "Nothing was published."]


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl"])
@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--url", "http://x", "--token", "t")])
def test_a_variable_that_no_recipient_gives_is_refused_before_publication(
    tmp_path: Path, more: tuple[str, ...], name: str
) -> None:
    of_json = ['"13800000001"', '{"to": "13800000000", "variables": {"name": "Li"}}']
    lines = ["to,name,nome", f"{GOOD[0]},Li,", f"{GOOD[1]},,"] if name == "p.csv" else of_json
    result = send(tmp_path, lines, *more, content="Hello {{nome}}", name=name, **KAFKA)
    assert result.exit_code == (1 if more == ("--dry-run",) else 2)
    assert result.stderr.splitlines()[-1] == (
        "variable nome: no recipient and no --variable gives it. Did you mean {{name}}?"
    )


def test_recipients_need_not_give_a_variable_of_the_request(tmp_path: Path) -> None:
    result = dry_run(tmp_path, ["to", GOOD[0]], "--variable", "name=Li")
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_template_is_read_from_the_ledger(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text(f"to\n{GOOD[0]}\n")
    args = ["send", str(file), "--channel", "sms", "--template", "welcome", "--tenant", "t"]
    assert run_rollcall(*args).stderr == "ROLLCALL_MONGO_URL: is not set\n"


@pytest.mark.parametrize("way", [(), ("--url", "http://127.0.0.1:1")])
def test_a_secret_variable_that_no_text_names_is_refused(tmp_path: Path, way: tuple[str, ...]) -> None:
    lines = ["to,name,code", f"{GOOD[0]},Li,864209"]
    given = ("--secret-variable", "code", "--secret-variable", "pin", *way)
    result = dry_run(tmp_path, lines, *given, content="{{code}}, {{name}}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("--secret-variable: pin is used in neither content nor subject.")
    twice = dry_run(tmp_path, lines, "--secret-variable", "code", *given, content="{{code}}, {{name}}")
    assert twice.stderr == "--secret-variable: is named twice\n"


@pytest.mark.parametrize("way", [(), ("--url", "http://127.0.0.1:1")])
def test_a_dry_run_shows_no_secret_value(tmp_path: Path, way: tuple[str, ...]) -> None:
    lines = ["to,name,code", f"{GOOD[0]},Li,864209", "12,Li,864208"]
    options = ("--secret-variable", "code", "--secret-variable", "pin", "--variable", "pin=97531", *way)
    result = dry_run(tmp_path, lines, *options, "--keep-secret-variables", content="{{code}}, {{pin}}, {{name}}")
    assert result.exit_code == 1
    assert "1 of 2 recipients would fail" in result.stderr
    assert not [value for value in ("864209", "864208", "97531") if value in result.output]


MAIL = ("--channel", "email", "--subject", "Hi", "--reply-to", "Help <help@example.com>", "--cc", "boss@example.com")


@pytest.mark.parametrize("way", [[], ["--url", "http://127.0.0.1:1"]])
def test_a_copy_needs_a_file_with_exactly_one_recipient(tmp_path: Path, way: list[str]) -> None:
    one = dry_run(tmp_path, ["to", "anna@example.com"], *MAIL, *way, content="Hi")
    assert (one.exit_code, one.stderr) == (0, "")
    two = dry_run(tmp_path, ["to", "anna@example.com", "ben@example.com"], *MAIL, *way, content="Hi")
    assert two.exit_code == 2
    assert two.stderr.startswith("--cc: needs a request with exactly one recipient")


@pytest.mark.parametrize("way", [[], ["--url", "http://127.0.0.1:1", "--token", "t"]])
def test_nothing_is_sent_if_a_copy_has_several_recipients(tmp_path: Path, way: list[str]) -> None:
    lines = ["to", "anna@example.com", "ben@example.com"]
    result = send(tmp_path, lines, *MAIL, *way, "--no-wait", content="Hi", **KAFKA)
    assert result.exit_code == 2
    assert result.stderr.startswith("--cc: needs a request with exactly one recipient")


@pytest.mark.parametrize("more", [("--dry-run",), ()])
def test_a_send_at_that_has_passed_is_warned_about(tmp_path: Path, more: tuple[str, ...]) -> None:
    result = send(tmp_path, ["to,name", f"{GOOD[0]},Li"], *more, "--send-at", "2026-01-31T09:00:00+08:00", **KAFKA)
    assert result.stderr.splitlines()[0] == "--send-at: has passed. The messages are sent at once."


@pytest.mark.parametrize(
    ("option", "text", "problem"),
    [
        ("--send-at", "2027-02-30T09:00:00+08:00", "the day must be between 01 and 28 in 2027-02, and is 30."),
        ("--expires-at", "2027-01-31T24:00:00Z", "the hour must be between 00 and 23, and is 24. Midnight is"),
        ("--send-at", "2999-01-31T00:00:00Z", "must be at most a year ahead."),
        ("--expires-at", "2999-01-31T00:00:00Z", "must be at most two years ahead."),
    ],
)
def test_a_wrong_time_says_what_is_wrong_with_it(tmp_path: Path, option: str, text: str, problem: str) -> None:
    result = dry_run(tmp_path, ["to,name", f"{GOOD[0]},Li"], option, text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{option}: {problem}")


def test_a_dry_run_tells_how_the_file_is_read(tmp_path: Path) -> None:
    result = dry_run(tmp_path, ["Vorname;Mobil", f"Li;{GOOD[0]}"], "--column", "to=mobil", "--column", "name=Vorname")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (
        0,
        "p.csv: separated by semicolons, column mobil as to, column Vorname as name",
    )


ZONES = ["to,region", f"{GOOD[0]},North", f"{GOOD[1]},DE"]


def test_a_column_region_that_the_text_names_stays_a_variable(tmp_path: Path) -> None:
    result = dry_run(tmp_path, ZONES, content="For {{ region }}")
    assert (result.exit_code, result.stderr) == (0, "")
    output = lines_with_single_spaces(result.stdout)
    assert "sent 2 handed to a provider" in output
    assert any(line.startswith("a column region is a variable, because the text names it.") for line in output)
    assert dry_run(tmp_path, [*ZONES[:1], ZONES[2]], content="Hello").exit_code == 1


def test_a_column_region_is_country_and_variable_if_an_option_says_so(tmp_path: Path) -> None:
    lines = ["to,region", "0171 2345678,DE", "13800138000,CN"]
    named = dry_run(tmp_path, lines, "--column", "region=region", content="For {{region}}")
    assert (named.exit_code, named.stderr) == (0, "")
    assert "region: must be the ISO 3166-1 code" in dry_run(tmp_path, ZONES, content="Hello").stderr


def test_a_column_timezone_that_the_text_names_stays_a_variable(tmp_path: Path) -> None:
    lines = ["to,timezone", f"{GOOD[0]},evening"]
    assert dry_run(tmp_path, lines, content="See you in the {{timezone}}").exit_code == 0
    assert "timezone: must be the name of a time zone" in dry_run(tmp_path, lines, content="Hello").stderr


def test_a_column_region_of_an_e_mail_is_a_variable(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("to,region\nanna@example.com,North\n")
    options = ("--channel", "email", "--tenant", "t", "--subject", "News", "--content", "Hello", "--dry-run")
    assert run_rollcall("send", str(file), *options).exit_code == 0


@pytest.mark.parametrize("more", [(), ("--url", "http://127.0.0.1:1")])
@pytest.mark.parametrize("run", [send, dry_run])
def test_a_text_that_is_too_long_is_a_usage_error_with_the_limit_and_its_setting(
    tmp_path: Path, run: Callable[..., Result], more: tuple[str, ...]
) -> None:
    token = {"ROLLCALL_TOKEN": "t"} if more else {}
    result = run(tmp_path, ["to", *GOOD], *more, content="x" * 1_531 + "{{name}}", **KAFKA, **token)
    assert result.exit_code == 2
    assert result.stderr == (
        "--content: takes 11 SMS segments (GSM-7), and at most 10 are allowed. Shorten it. "
        "The services read the limit from ROLLCALL_MAX_SMS_SEGMENTS.\n"
    )


def test_the_limit_of_a_text_is_a_setting(tmp_path: Path) -> None:
    people = ["to,name", f"{GOOD[0]},Li"]
    assert dry_run(tmp_path, people, content="x" * 1_531, ROLLCALL_MAX_SMS_SEGMENTS="11").exit_code == 0
    result = dry_run(tmp_path, people, ROLLCALL_MAX_SMS_SEGMENTS="0")
    assert result.exit_code == 2
    assert result.stderr.startswith("ROLLCALL_MAX_SMS_SEGMENTS: ")


def test_a_recipient_whose_text_would_be_too_long_is_listed(tmp_path: Path) -> None:
    result = dry_run(tmp_path, ["to,name", f"{GOOD[0]},Li", f"{GOOD[1]},{'x' * 1_525}"])
    assert result.exit_code == 1
    assert "3 invalid_content name the text is too long with its variables" in lines_with_single_spaces(result.stdout)


def test_a_text_may_name_the_unsubscribe_link_and_its_length_is_counted(tmp_path: Path) -> None:
    result = dry_run(tmp_path, ["to", GOOD[0]], content="Out: {{unsubscribe_url}}")
    lines = lines_with_single_spaces(result.stdout)

    assert result.exit_code == 0
    assert (
        "{{unsubscribe_url}} becomes a link of about 220 characters, if the services have ROLLCALL_PUBLIC_URL" in lines
    )
    assert "gsm7 1 2" in lines
