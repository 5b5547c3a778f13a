"""`rollcall suppressions` on a ledger in memory: what is taken of a file, and what is shown."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.console import PrintableConsole
from cli.errors import CommandError, UsageError
from cli.recipients_file.layout import FileOptions
from cli.recipients_file.open_file import open_source
from cli.suppressions.import_file import LINES_AT_ONCE, Importer, ImportResult
from cli.suppressions.one_address import add, parse, remove
from cli.suppressions.show import EntryFilter, entries, print_entries
from ledger.memory import MemoryLedger
from ledger.personal_data_port import Pseudonym
from ledger.sealing import Sealer
from ledger.suppression_port import MAX_ENTRIES
from ledger.tenant_key import SETTLING
from schemas.statuses import Channel, SuppressionReason
from schemas.suppressions import SuppressionAddition, SuppressionRemoval
from tests.support.cli_runner import lines_with_single_spaces, run_rollcall

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
SEALER = Sealer([("k1", bytes(32))])
OPTED_OUT = {"channel": "email", "reason": "opted_out"}


class Fixture:
    """A ledger whose clock moves with each sleep, and the lines about lines that were not taken."""

    def __init__(self) -> None:
        self.now, self.lines = AT, list[str]()
        self.ledger = MemoryLedger(lambda: self.now)

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def import_(self, file: Path, form: FileOptions | None = None, **defaults: str) -> ImportResult:
        importer = Importer(self.ledger, SEALER, "tnt_a", "CN", defaults, self.lines.append, self.sleep)
        with open_source(file, form) as source:
            return await importer.run(source)

    async def add(self, recipient: str = "Ann@example.com", **fields: str) -> str:
        body = parse(SuppressionAddition, recipient, {**OPTED_OUT, **fields})
        return await add(self.ledger, SEALER, "tnt_a", body, "CN", sleep=self.sleep)

    async def remove(self, recipient: str = "ann@EXAMPLE.com", **fields: str) -> str:
        body = parse(SuppressionRemoval, recipient, {"channel": "email", **fields})
        return await remove(self.ledger, SEALER, "tnt_a", body, "CN")

    async def all(self) -> list[dict[str, object]]:
        shown = entries(self.ledger, SEALER, "tnt_a", EntryFilter())
        return sorted([each.document async for each in shown], key=lambda one: str((one["recipient"], one["scope"])))

    async def listed(self, conditions: EntryFilter | None = None, *, limit: int = 50, as_json: bool = False) -> str:
        page = io.StringIO()
        await print_entries(
            self.ledger,
            SEALER,
            "tnt_a",
            conditions or EntryFilter(),
            PrintableConsole(file=page, width=150),
            limit=limit,
            as_json=as_json,
        )
        return page.getvalue()


@pytest.fixture
def fixture() -> Fixture:
    return Fixture()


async def test_good_lines_of_a_csv_are_taken_and_bad_ones_are_named(fixture: Fixture, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        "to;reason;scope;until;city\nAnn@example.com;;;;Köln\nx;;;;\n\nBob@example.com;tired;;;\n"
        "Cy@example.com;bounced;list:news;;\nDi@example.com;manual;list:news;2030-01-01T00:00:00Z;\nEd@example.com;;;1;\n",
        "cp1252",
    )
    done = await fixture.import_(file, FileOptions(encoding="cp1252"), **OPTED_OUT, source="old")
    assert done == ImportResult(added=2, unchanged=0, failed=4)
    assert [line.partition(" (")[0] for line in fixture.lines] == [
        "people.csv, line 3: recipient: the address has no @.",
        "people.csv, line 5: reason: input should be 'opted_out', 'complained', 'bounced', 'invalid' or 'manual'.",
        "people.csv, line 6: scope: must be `all` for bounced, because the address takes no message at all.",
        "people.csv, line 8: until: must begin with the date as year-month-day. Write it as 2026-01-31T09:00:00+08:00.",
    ]
    assert await fixture.all() == [
        {
            "channel": "email",
            "recipient": "Ann@example.com",
            "reason": "opted_out",
            "scope": "all",
            "source": "old",
            "since": AT,
        },
        {
            "channel": "email",
            "recipient": "Di@example.com",
            "reason": "manual",
            "scope": "list:news",
            "source": "old",
            "since": AT,
            "until": datetime(2030, 1, 1, tzinfo=UTC),
        },
    ]


async def test_json_lines_may_be_addresses_or_what_an_export_prints(fixture: Fixture, tmp_path: Path) -> None:
    file = tmp_path / "people.jsonl"
    lines = ["13800138000", {"to": "13900139000"}, {"recipient": "+4917112345678", "reason": "manual"}, {"to": 7}, 5]
    file.write_text("\n".join(map(json.dumps, lines)))
    done = await fixture.import_(file, channel="sms", reason="opted_out")
    assert (done.added, done.failed) == (3, 2)
    assert [line.partition(":")[0] for line in fixture.lines] == ["people.jsonl, line 4", "people.jsonl, line 5"]

    exported = tmp_path / "exported.jsonl"
    exported.write_text("\n".join(json.dumps(each, default=str) for each in await fixture.all()).replace("+00:00", "Z"))
    again = Fixture()
    assert (await again.import_(exported)).added == 3
    assert await again.all() == await fixture.all()


async def test_a_second_run_continues_and_changes_nothing(fixture: Fixture, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    rows = [f"p{n}@example.com" for n in range(2 * LINES_AT_ONCE + 10)]
    file.write_text("\n".join(["to", *rows[:1_500]]))
    assert await fixture.import_(file, **OPTED_OUT) == ImportResult(added=1_500)
    before = await fixture.all()
    fixture.now += timedelta(days=1)
    file.write_text("\n".join(["to", *rows]))
    assert await fixture.import_(file, **OPTED_OUT) == ImportResult(added=510, unchanged=1_500)
    known = {str(each["recipient"]) for each in before}
    assert [each for each in await fixture.all() if each["recipient"] in known] == before


async def test_a_file_that_cannot_be_read_to_its_end_keeps_what_was_read(fixture: Fixture, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text('to\nann@example.com\n"bob@example.com\n')
    assert await fixture.import_(file, **OPTED_OUT) == ImportResult(added=1, failed=1)
    assert "is never closed" in fixture.lines[0]


async def test_a_line_for_which_an_address_has_no_room_is_named(fixture: Fixture, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("\n".join(["to,scope", *(f"a@example.com,list:{n}" for n in range(MAX_ENTRIES + 1))]))
    assert await fixture.import_(file, **OPTED_OUT) == ImportResult(added=MAX_ENTRIES, failed=1)
    assert fixture.lines == [
        f"people.csv, line {MAX_ENTRIES + 2}: recipient: has 100 entries, and takes no further one."
    ]


async def test_the_first_addition_waits_until_all_consumers_look_for_it(fixture: Fixture) -> None:
    await fixture.add()
    assert fixture.now == AT + SETTLING
    await fixture.add("bob@example.com")
    assert fixture.now == AT + SETTLING


async def test_an_address_is_added_and_removed(fixture: Fixture) -> None:
    assert await fixture.add(scope="list:news") == (
        "A***@example.com: opted_out for list:news, in effect for all windows that open from now on"
    )
    assert await fixture.add(scope="list:news") == "A***@example.com: opted_out for list:news, there before"
    await fixture.add(reason="bounced")
    assert await fixture.remove(reason="bounced") == "a***@example.com: 1 entry removed"
    assert await fixture.remove(scope="all") == "a***@example.com: 0 entries removed"
    assert await fixture.remove() == "a***@example.com: 1 entry removed"
    assert await fixture.all() == []


async def test_an_address_without_a_tenant_key_has_nothing_to_remove(fixture: Fixture) -> None:
    assert await fixture.remove() == "a***@example.com: 0 entries removed"
    assert await fixture.listed() == await Fixture().listed()


async def test_an_address_with_too_many_entries_takes_no_further_one(fixture: Fixture) -> None:
    for number in range(MAX_ENTRIES):
        await fixture.add(scope=f"list:{number}")
    with pytest.raises(CommandError, match="has 100 entries"):
        await fixture.add()


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"recipient": "Ann"}, "RECIPIENT: the address has no @."),
        ({"scope": "news"}, "--scope: must be all, category: with"),
        ({"reason": "bounced", "scope": "list:news"}, "--scope: must be `all` for bounced"),
        ({"until": "2020-01-01T00:00:00Z"}, "--until: must be in the future."),
    ],
)
async def test_each_wrong_option_is_named(fixture: Fixture, fields: dict[str, str], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        await fixture.add(**fields)
    assert str(caught.value).startswith(line)


async def test_the_list_masks_addresses_and_filters(fixture: Fixture) -> None:
    await fixture.add(scope="list:news")
    await fixture.add("13800138000", channel="sms", reason="manual")
    lines = lines_with_single_spaces(await fixture.listed())
    assert lines[0] == "recipient channel reason scope source since until"
    assert sorted(lines[1:]) == [
        "138****8000 sms manual all cli 2026-11-30 12:00:08",
        "A***@example.com email opted_out list:news cli 2026-11-30 12:00:00",
    ]
    only = await fixture.listed(EntryFilter(Channel.EMAIL, SuppressionReason.OPTED_OUT, "list:news"), as_json=True)
    assert json.loads(only)["recipient"] == "A***@example.com"
    assert await fixture.listed(EntryFilter(scope="list:other"), as_json=True) == ""
    assert "there are more: raise --limit" in await fixture.listed(limit=1)


def test_wrong_defaults_of_an_import_are_a_usage_error_before_a_file_is_read() -> None:
    done = run_rollcall("suppressions", "import", "none.csv", "--tenant", "tnt_a", "--scope", "news")
    assert (done.exit_code, done.stderr.partition(",")[0]) == (2, "--scope: must be all")


async def test_an_entry_whose_address_was_erased_is_shown_by_its_pseudonym(fixture: Fixture) -> None:
    await fixture.add()
    (stored,) = await fixture.ledger.suppressions.list_range("", "~", 10)
    await fixture.ledger.suppressions.erase_address(stored.id)
    pseudonym = Pseudonym.of(stored.id).text

    assert [each["recipient"] for each in await fixture.all()] == [pseudonym]
    assert pseudonym in await fixture.listed()
