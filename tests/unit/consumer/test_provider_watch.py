"""A provider that fails is named in the log, in health and readiness, and counted by kind, and never an address."""

import asyncio
from typing import cast

import aiohttp
import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from consumer.monitoring.http_server import start_health
from consumer.monitoring.metrics import Metrics
from consumer.monitoring.provider_watch import RECOVERED_SECONDS, REPORT_SECONDS, WARNING_SECONDS, ProviderWatch
from consumer.monitoring.readiness import ReadinessTracker
from consumer.provider_caller import ProviderCaller
from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from devstack.processes import free_port
from providers.draft import NO_TIME, Draft, as_it_is
from providers.failure_kinds import failure_kind
from providers.provider import CLOSED, NO_FREE_CONNECTION, OneByOne, Provider
from schemas.statuses import Channel, Reason
from tests.support.clock import ManualClock
from tests.support.drafts import a_draft

DOWN = Retry(Reason.UNAVAILABLE, "connecting: connection refused")
LATE = Uncertain(Reason.NO_ANSWER, "waiting for an answer: timed out")
LOGIN = Retry(Reason.PROVIDER_REJECTED_CREDENTIALS, "AUTH: SMTP 535")


class Watched:
    """Watch over one provider, whose results a test gives, and the lines that it writes."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.watch = ProviderWatch(self.clock)

    def results(self, *results: SendResult, seconds: float = 0.0) -> list[str]:
        """Return the log lines of these results, with a time before each of them."""
        with capture_logs() as lines:
            for result in results:
                self.clock.now += seconds
                self.watch.check()
                self.watch.record("post", Channel.EMAIL, result)
        return [f"{line['event']}: {line['reason']} {line['failures']}" for line in lines]

    def passed(self, seconds: float) -> list[str]:
        """Return the log lines that the time brings."""
        self.clock.now += seconds
        with capture_logs() as lines:
            self.watch.check()
        return [f"{line['event']}: {line['failures']} {line['answered']} in {line['seconds']} s" for line in lines]


def test_the_first_failure_is_logged_then_one_line_a_minute_with_counts_then_the_recovery() -> None:
    watched = Watched()

    first = watched.results(Sent(), DOWN)
    within_the_minute = watched.results(*[DOWN, LATE] * 50, seconds=0.5)
    after_a_minute = watched.passed(REPORT_SECONDS)
    next_minute = watched.passed(REPORT_SECONDS)
    sent = watched.results(Sent())
    recovered = watched.passed(RECOVERED_SECONDS)
    later = watched.passed(10 * REPORT_SECONDS)

    assert first == ["provider fails: connecting: connection refused {'refused': 1}"]
    assert within_the_minute == []
    assert after_a_minute == ["provider still fails: {'refused': 50, 'timeout': 50} 0 in 110 s"]
    assert next_minute == []
    assert sent == []
    assert recovered == ["provider works again: {} 1 in 175 s"]
    assert later == []


def test_a_provider_that_fails_now_and_then_writes_no_more_than_two_lines_a_minute() -> None:
    watched = Watched()

    lines = watched.results(*[DOWN, *[Sent()] * 9] * 60, seconds=1.0)

    assert 10 <= len(lines) <= 22


@pytest.mark.parametrize("result", [Failed(Reason.REJECTED, "HTTP 400"), NO_FREE_CONNECTION, NO_TIME])
def test_a_rejected_message_and_our_own_limit_are_no_failure_of_the_provider(result: SendResult) -> None:
    watched = Watched()

    assert watched.results(*[result] * 3) == []
    assert watched.watch.problem() is None


def test_a_problem_names_the_provider_until_it_answers_again_or_is_not_called_any_more() -> None:
    watched = Watched()
    problems = []
    for result in (LOGIN, Sent(), DOWN):
        watched.results(result, seconds=1.0)
        problems.append(watched.watch.problem())
    watched.clock.now += WARNING_SECONDS

    assert problems == [
        "post (email): login refused: AUTH: SMTP 535",
        None,
        "post (email): connecting: connection refused",
    ]
    assert watched.watch.problem() is None


def test_a_few_greylisted_mails_are_no_problem_of_the_provider_and_many_without_a_mail_are() -> None:
    watched = Watched()
    greylisted = Retry(Reason.UNAVAILABLE, "SMTP 451 4.7.1 to RCPT")

    watched.results(*[greylisted] * 9, Sent(), *[greylisted] * 9)
    few = watched.watch.problem()
    watched.results(greylisted)

    assert few is None
    assert watched.watch.problem() == "post (email): SMTP 451 4.7.1 to RCPT"


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (Sent(), None),
        (Retry(Reason.RATE_LIMITED, "HTTP 429"), "429"),
        (Retry(Reason.RATE_LIMITED, "HTTP 503"), "rate_limited"),
        (Retry(Reason.UNAVAILABLE, "HTTP 503"), "5xx"),
        (Failed(Reason.REJECTED, "HTTP 404"), "4xx"),
        (Uncertain(Reason.NO_ANSWER, "HTTP 302"), "3xx"),
        (LOGIN, "login"),
        (Retry(Reason.UNAVAILABLE, "SMTP 451 4.7.1 to RCPT"), "4xx"),
        (Retry(Reason.RATE_LIMITED, "connecting: SMTP 421"), "rate_limited"),
        (Failed(Reason.REJECTED, "SMTP 550 5.1.1 to RCPT"), "5xx"),
        (DOWN, "refused"),
        (LATE, "timeout"),
        (Uncertain(Reason.NO_ANSWER, "end of data: connection cut"), "cut"),
        (Retry(Reason.UNAVAILABLE, "connecting: name not resolved"), "network"),
        (Retry(Reason.UNAVAILABLE, "connecting: no connection"), "network"),
        (Retry(Reason.UNAVAILABLE, "connecting: certificate refused"), "tls"),
        (NO_FREE_CONNECTION, "no_free_connection"),
        (Retry(Reason.UNAVAILABLE, "simulated: unavailable"), "unavailable"),
        (Failed(Reason.INVALID_CONTENT), "invalid_content"),
    ],
)
def test_each_failure_has_its_kind(result: SendResult, kind: str | None) -> None:
    assert failure_kind(result) == kind


class Answering(OneByOne):
    """A minimal provider that returns these results in turn."""

    name = "post"
    channel = Channel.EMAIL

    def __init__(self, *results: SendResult) -> None:
        self._results = iter(results)

    async def send_one(self, draft: Draft) -> SendResult:
        await draft.prepare(as_it_is)
        return next(self._results)


async def test_metrics_health_and_readiness_show_a_provider_that_refuses_the_login() -> None:
    metrics, clock, port = Metrics(), ManualClock(), free_port()
    caller = ProviderCaller(metrics, clock, asyncio.sleep)
    readiness = ReadinessTracker(clock, 0.0, caller.watch.problem)
    readiness.ledger_answered()
    readiness.bus_answered()
    readiness.groups_joined()
    provider = cast("Provider", Answering(DOWN, CLOSED, LOGIN))
    message = Message("log_1", Channel.EMAIL, "anna@example.com", "Hello", "Hi", False, None, "tnt_test")
    for _ in range(5):  # the last two find the provider paused
        await caller.send(provider, [a_draft(message)])

    runner = await start_health("127.0.0.1", port, readiness, metrics)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        health = await session.get("/healthz")
        health_text = await health.text()
        ready = await session.get("/readyz")
        providers = (await ready.json())["dependencies"]["providers"]
    await runner.cleanup()

    page = generate_latest(metrics.registry).decode()
    assert (health.status, ready.status) == (200, 200)
    assert providers == {"ready": False, "trouble": "post (email): login refused: AUTH: SMTP 535"}
    assert "post (email): login refused" in health_text
    assert 'rollcall_provider_failures_total{channel="email",kind="login",provider="post"} 1.0' in page
    assert 'rollcall_provider_failures_total{channel="email",kind="refused",provider="post"} 1.0' in page
    assert "anna" not in page + health_text
