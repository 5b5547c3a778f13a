"""`resend`: selection, printed lines and errors before it publishes."""

import contextlib
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.clients.record_publisher import PublishProgress
from cli.console import PrintableConsole
from cli.errors import CommandError, UnknownRequest, UsageError
from cli.resend import Resend, ResendOptions, prepare, publish_parts
from core.send_result import Failed, Message, SendResult, Sent
from ledger.sealing import Sealer
from schemas.statuses import Reason, Status
from tests.flow.world import START, RecordingProvider, World, replace_text
from tests.support.cli_runner import run_rollcall

GOOD = [f"138000000{n:02d}" for n in range(8)]


def refuses_some(message: Message, _calls: int) -> SendResult:
    return Failed(Reason.REJECTED) if message.to.endswith(("3", "7")) else Sent("m")


async def a_world(*more: str, **changes: object) -> World:
    world = World(RecordingProvider(answers=refuses_some))
    await world.expand(world.record(*GOOD, *more, **changes))
    await world.deliver_all()
    return world


async def prepared(world: World, **changes: Any) -> tuple[Resend | None, list[str]]:
    out = io.StringIO()
    wanted = ResendOptions(**{"request": "r1", "tenant": "t1", "status": Status.FAILED, **changes})
    resend = await prepare(world.ledger, world.sealer, wanted, PrintableConsole(file=out, width=200))
    return resend, out.getvalue().splitlines()


async def test_selected_and_excluded_deliveries_are_printed() -> None:
    resend, output = await prepared(await a_world("12"))
    assert resend is not None
    assert output == [
        "1 failed with invalid_recipient left out: they would fail again",
        f"request {resend.selection.request_id}",
        "repeats 2 failed deliveries of request r1",
    ]


async def test_deliveries_that_were_already_resent_are_left_out() -> None:
    world = await a_world()
    first, _ = await prepared(world)
    assert first is not None
    async for part in first.parts():
        await world.expand(world.raw(part.value, part.key))
    again, output = await prepared(world, request_id="mine")
    assert again is None
    assert output == [
        f"2 failed left out: already resent by request {first.selection.request_id}",
        "nothing left to resend: request r1 has no other failed deliveries",
    ]


async def test_addresses_that_are_erased_while_they_are_published_end_in_one_line() -> None:
    world = await a_world()
    resend, _ = await prepared(world)
    assert resend is not None
    await world.ledger.retention.erase(after=timedelta(0), limit=50)
    unused_producer: Any = None
    with pytest.raises(CommandError, match=r"r1: its addresses are erased.*\. At least 0 of 2 deliveries"):
        await publish_parts(resend, "requests", lambda: contextlib.nullcontext(unused_producer), PublishProgress())


async def test_a_request_without_unknown_deliveries_has_nothing_to_resend() -> None:
    resend, output = await prepared(await a_world(), status=Status.UNKNOWN)
    assert (resend, output) == (None, ["nothing left to resend: request r1 has no other unknown deliveries"])


async def test_an_expired_request_needs_a_new_expiry() -> None:
    world = await a_world(expires_at="2026-01-02T04:00:00Z")
    world.pass_time(7200)
    with pytest.raises(UsageError, match="--expires-at: is required, because the request expired at 2026-01-02"):
        await prepared(world)
    later = datetime(2026, 1, 3, tzinfo=UTC)
    resend, _ = await prepared(world, expires_at=later)
    assert resend is not None
    assert resend.expires_at == later > START


async def test_a_missing_key_and_an_unknown_request_are_one_line() -> None:
    world = await a_world()
    world.sealer = Sealer([("k2", bytes(range(32)))])
    with pytest.raises(CommandError, match=r"ROLLCALL_SEALING_KEYS: no sealing key 'k1'.*\. Add the key"):
        await prepared(world)
    with pytest.raises(UnknownRequest):
        await prepared(world, request="r2")


@pytest.mark.parametrize("options", [(), ("--unknown", "--failed")])
def test_exactly_one_of_unknown_and_failed_is_required(options: tuple[str, ...]) -> None:
    result = run_rollcall("resend", "r1", "--tenant", "t1", *options)
    assert (result.exit_code, result.stderr) == (2, "--unknown or --failed: exactly one of them is required.\n")


SECRET = {"content": "{{code}}", "variables": {"code": "864209"}, "secret_variables": ["code"]}


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_resend_without_its_secret_values_says_which_are_erased_and_what_to_do(*, dry_run: bool) -> None:
    world = await a_world(**SECRET)
    with pytest.raises(CommandError) as caught:
        await prepared(world, dry_run=dry_run)
    assert str(caught.value) == (
        "request r1: the values of its secret variables are erased: code. Send the message with new values as a new "
        "request. If deliveries must be resent, give keep_secret_variables in the first request."
    )
    assert caught.value.exit_code == 1


async def test_a_request_whose_secret_values_are_erased_and_that_has_nothing_to_resend_says_so() -> None:
    resend, output = await prepared(await a_world(**SECRET), status=Status.UNKNOWN)
    assert (resend, output) == (None, ["nothing left to resend: request r1 has no other unknown deliveries"])


async def test_a_resend_of_kept_secret_values_shows_none_of_them() -> None:
    resend, output = await prepared(await a_world(**SECRET, keep_secret_variables=True), dry_run=True)
    assert resend is not None
    assert "864209" not in "".join(output)


async def test_a_request_of_an_older_version_with_a_text_beyond_the_limits_of_today_is_one_line() -> None:
    world = await a_world()
    replace_text(world, "r1", "x" * 500_001)
    with pytest.raises(CommandError, match=r"request r1: content: must have at most 500,000 characters\.$"):
        await prepared(world)
