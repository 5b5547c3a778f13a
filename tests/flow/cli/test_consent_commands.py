"""`rollcall consents import` on a ledger in memory: what is taken of a file, and what is named."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cli.consents.import_file import ConsentImporter
from cli.recipients_file.open_file import open_source
from cli.suppressions.import_file import LINES_AT_ONCE
from core.consents import Consent, GivenConsent
from ledger.consent_key import ConsentKey
from ledger.memory import MemoryLedger
from ledger.sealing import Sealer
from ledger.tenant_key import SETTLING, find_tenant_key
from schemas.statuses import Category, Channel
from tests.support.cli_runner import run_rollcall

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
SEALER = Sealer([("k1", bytes(32))])
DEFAULTS = {"channel": "email", "category": "marketing", "way": "import", "text_version": "1"}


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


class Fixture:
    """A ledger whose clock moves with each sleep, and the lines about lines that were not taken."""

    def __init__(self) -> None:
        self.now, self.lines = AT, list[str]()
        self.ledger = MemoryLedger(lambda: self.now)

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def import_(self, path: Path) -> tuple[int, int]:
        importer = ConsentImporter(self.ledger, SEALER, "tnt_a", "CN", DEFAULTS, self.lines.append, self.sleep)
        with open_source(path) as source:
            return await importer.run(source)

    async def key(self) -> ConsentKey:
        key = await find_tenant_key(self.ledger.tenants, "tnt_a", SEALER)
        assert key is not None
        return ConsentKey(key)

    async def consent(self, address: str, channel: Channel = Channel.EMAIL) -> Consent | None:
        (name,) = (await self.key()).ids_of(channel, Category.MARKETING, [address])
        found = (await self.ledger.consents.get_many([name])).get(name)
        return found and found.consent


async def test_each_good_line_is_recorded_and_each_other_one_named(tmp_path: Path) -> None:
    fixture = Fixture()
    text = "to,given_at,way,colour\na@x.example,2026-01-02T03:04:05Z,form,red\nb@x.example,,,\nnobody,,,\n"
    late = "c@x.example,2999-01-01T00:00:00Z,,\n"

    assert await fixture.import_(written(tmp_path / "p.csv", text + late)) == (2, 2)
    assert fixture.lines == [
        "p.csv, line 4: recipient: the address has no @.",
        "p.csv, line 5: given_at: must not be in the future.",
    ]
    given = GivenConsent(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "form", "1")
    assert await fixture.consent("A@x.example") == Consent(given)
    assert await fixture.consent("b@x.example") == Consent(GivenConsent(AT, "import", "1"))
    assert fixture.now == AT + SETTLING


async def test_lines_of_json_may_name_everything(tmp_path: Path) -> None:
    fixture = Fixture()
    line = '{"to": "13800138000", "channel": "sms", "text_version": "2"}\n"a@x.example"\n'
    assert await fixture.import_(written(tmp_path / "p.jsonl", line)) == (2, 0)
    assert await fixture.consent("+8613800138000", Channel.SMS) == Consent(GivenConsent(AT, "import", "2"))


async def test_a_file_of_many_lines_is_written_in_several_commands(tmp_path: Path) -> None:
    fixture = Fixture()
    text = "to\n" + "".join(f"p{number}@x.example\n" for number in range(LINES_AT_ONCE + 1))
    assert await fixture.import_(written(tmp_path / "p.csv", text)) == (LINES_AT_ONCE + 1, 0)


async def test_an_import_revives_no_consent_that_was_withdrawn_since(tmp_path: Path) -> None:
    fixture = Fixture()
    text = "to,given_at\na@x.example,2026-01-02T03:04:05Z\n"
    await fixture.import_(written(tmp_path / "p.csv", text))
    key = await fixture.key()
    subject = key.subject(Channel.EMAIL, Category.MARKETING, "a@x.example")
    await fixture.ledger.consents.withdraw(subject, AT)

    await fixture.import_(written(tmp_path / "p.csv", text))
    assert await fixture.ledger.consents.find_in_force([subject.id]) == set()


def test_a_wrong_option_is_a_usage_error(tmp_path: Path) -> None:
    file = tmp_path / "p.csv"
    file.write_text("to\na@x.example\n")
    result = run_rollcall("consents", "import", str(file), "--tenant", "tnt_a", "--way", "Ann@example.com")
    assert result.exit_code == 2
    assert "--way: " in result.output
    assert "Ann@" not in result.output
