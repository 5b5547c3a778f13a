"""Retention by the consumer, and what can be read afterwards."""

import io
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from cli.console import PrintableConsole
from cli.report.report import ReportOptions, print_report
from consumer.context import ConsumerContext
from consumer.sweep.retention_batches import DEFAULT_BATCH_SIZES, BatchSizes, RetentionJob
from tests.flow.sample_requests import Library, a_log_id
from tests.flow.world import Steps

ANN, BOB = "13800138000", "13900139000"
DAY = 86_400


@pytest.fixture
async def library() -> AsyncIterator[Library]:
    made = Library()
    async with made.service:
        yield made


def tools_of(
    library: Library, *, addresses: int | None = None, requests: int | None = None, steps: Steps | None = None
) -> ConsumerContext:
    limits = replace(
        library.world.limits,
        address_retention=None if addresses is None else timedelta(days=addresses),
        request_retention=None if requests is None else timedelta(days=requests),
    )
    return replace(library.world.context(steps), tuning=limits)


async def run(retention: RetentionJob, steps: int = 40) -> None:
    for _ in range(steps):
        await retention.run_batch()


async def test_an_erased_request_shows_no_text_and_the_report_still_works(library: Library) -> None:
    said = {"content": "Your code is {{code}}", "variables": {"code": "7"}}
    await library.sent("old", [{"to": ANN, "reference": "o"}, BOB, "x"], **said)
    library.world.pass_time(2 * DAY)
    await library.sent("new", [ANN], **said)

    await run(RetentionJob(tools_of(library, addresses=1)))

    old = (await library.get("/communication/logs?request_id=old"))["items"]
    assert [(item["recipient"], item["status"], "content" in item) for item in old] == [
        ("138****8000", "sent", False),
        ("139****9000", "sent", False),
        ("***", "failed", False),
    ]
    assert "content" not in await library.get(f"/communication/logs/{a_log_id('old')}")
    found = (await library.search({"recipient": ANN, "request_id": "old"}))["items"]
    assert [item["reference"] for item in found] == ["o"]
    assert (await library.get("/communication/logs?request_id=new"))["items"][0]["content"] == "Your code is 7"
    assert (await library.get("/communication/requests/old"))["by_status"] == {"failed": 1, "sent": 2}
    summary = await print_report(
        library.world.ledger, PrintableConsole(file=io.StringIO()), "tnt_a", "old", ReportOptions()
    )
    assert summary.accounted


async def test_a_deleted_request_leaves_nothing(library: Library) -> None:
    await library.sent("old", [ANN, BOB])
    await library.pending("open", [ANN], send_at="2026-12-01T00:00:00Z")
    library.world.pass_time(9 * DAY)

    await run(RetentionJob(tools_of(library, requests=8)))

    await library.get("/communication/requests/old", status=404)
    await library.get(f"/communication/logs/{a_log_id('old')}", status=404)
    listed = await library.get("/communication/logs")
    assert [(item["request_id"], item["status"]) for item in listed["items"]] == [("open", "scheduled")]


async def test_without_a_setting_nothing_is_deleted(library: Library) -> None:
    await library.sent("old", [ANN])
    library.world.pass_time(10_000 * DAY)

    await run(RetentionJob(tools_of(library)))

    assert (await library.get("/communication/logs"))["items"][0]["content"] == "hello"


async def test_a_record_read_again_after_erasing_sends_nothing_twice(library: Library) -> None:
    world = library.world
    record = world.record(ANN, {"to": BOB, "variables": {"n": "1"}}, content="hi")
    await world.expand(record)
    await world.deliver_all()
    world.pass_time(2 * DAY)
    await run(RetentionJob(tools_of(library, addresses=1)))
    taken = dict(world.providers[0].taken)

    await world.expand(record)
    await world.deliver_all()

    assert dict(world.providers[0].taken) == taken
    assert not world.events("request.rejected")


@pytest.mark.parametrize("after", [False, True], ids=["before the step", "after the step"])
async def test_the_next_process_finishes_after_a_crash_at_any_step(*, after: bool) -> None:
    killed_in: set[str] = set()
    sizes = BatchSizes(chunks=1, logs=2)
    for kill_at in itertools.count():
        library, steps = Library(), Steps(kill_at, after=after)
        await library.sent("old", [ANN, BOB, "13700137000", "13600136000", "13500135000"])
        library.world.pass_time(9 * DAY)
        dying = RetentionJob(tools_of(library, addresses=1, requests=8, steps=steps), sizes)
        if not await library.world.run_until_killed(run(dying)):
            break
        killed_in.add(steps.done[kill_at])

        await run(RetentionJob(tools_of(library, addresses=1, requests=8), sizes))

        store = library.world.ledger.logs._store  # type: ignore[attr-defined]
        assert (store.requests, store.chunks, store.logs) == ({}, {}, {})
    assert killed_in == {"retention.erase", "retention.delete"}


async def test_one_call_processes_one_batch_of_the_given_size(library: Library) -> None:
    await library.sent("old", [ANN, BOB])
    library.world.pass_time(9 * DAY)
    retention = RetentionJob(tools_of(library, requests=8), BatchSizes(logs=1))
    left = []
    for _ in range(3):
        left.append(len(await library.world.logs("old", "tnt_a")))
        await retention.run_batch()
    assert left == [2, 1, 0]


async def test_the_job_pauses_after_a_round_that_found_nothing(library: Library) -> None:
    await library.sent("old", [ANN])
    retention = RetentionJob(tools_of(library, requests=8))
    await run(retention)
    library.world.pass_time(DEFAULT_BATCH_SIZES.pause_seconds / 2)
    assert await asks(retention) == 0
    library.world.pass_time(DEFAULT_BATCH_SIZES.pause_seconds)
    assert await asks(retention) == 1


async def asks(retention: RetentionJob) -> int:
    """Return how many batches one call requests from the ledger."""
    asked = 0
    batches = dict(retention._batches)

    async def counted() -> int:
        nonlocal asked
        asked += 1
        return 0

    retention._batches = dict.fromkeys(batches, counted)
    await retention.run_batch()
    return asked


def test_logs_are_kept_for_as_long_as_the_intake_keeps_records(monkeypatch: pytest.MonkeyPatch) -> None:
    from consumer.settings import ConsumerSettings  # noqa: PLC0415  # the environment is read when it is made

    given = {
        "kafka_bootstrap": "localhost:9",
        "mongo_url": "mongodb://localhost:9",
        "sealing_keys": "k1:" + "A" * 43 + "=",
        "providers": '[{"name": "s", "kind": "simulator", "channel": "sms"}]',
    }
    monkeypatch.delenv("ROLLCALL_LOG_RETENTION_DAYS", raising=False)
    assert ConsumerSettings(**given, log_retention_days=8).log_retention_days == 8  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        ConsumerSettings(**given, log_retention_days=7)  # type: ignore[arg-type]
