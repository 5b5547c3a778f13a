"""Scheduled, expired, tried again: by real processes on the real stack, also by one that was not there in time.

How late is measured elsewhere (`python -m bench due_work`): here the machine may have other things to do.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devstack import Stack
from schemas.results import RequestCompleted
from tests.e2e.accounting import an_accounting_provider
from tests.e2e.caller import Results, publish, reading
from tests.e2e.reconciliation import assert_balanced, roll
from tests.e2e.sample_recipients import a_request
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until

NUMBERS, MAILS = ["13900139000", "13900139001"], ["ann@example.com", "ben@example.com"]
SOON, LATE = timedelta(seconds=3), timedelta(seconds=15)

pytestmark = pytest.mark.durable


def now() -> datetime:
    return datetime.now(UTC)


def said(moment: datetime) -> str:
    """As callers write it: with a zone, to the millisecond."""
    return moment.isoformat(timespec="milliseconds")


async def ask(deployment: Deployment, **fields: Any) -> str:
    """Publish a small request; its id."""
    request = a_request(NUMBERS, content="Hello") | fields
    await publish(deployment.bootstrap, deployment.topics.requests_express, request, key=request["request_id"])
    return str(request["request_id"])


def settled(deployment: Deployment, completed: RequestCompleted) -> list[datetime]:
    """When each delivery of a request ended."""
    return [log["updated_at"] for log in roll(deployment, completed.request_id).values()]


async def test_time_is_kept_by_whoever_runs_when_it_comes(stack: Stack, tmp_path: Path) -> None:
    with an_accounting_provider(tmp_path) as provider:
        provider.misbehave("throttle", "email", seconds=3600)
        entries = [provider.entry, provider.entry_for("email")]
        with a_deployment(stack, tmp_path, PROVIDERS=entries) as deployment:
            async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:

                async def ended(request_id: str, status: str) -> list[datetime]:
                    completed = await results.completed(request_id)
                    assert completed.by_status == {status: 2}
                    await assert_balanced(deployment, results, completed, total=2)
                    return settled(deployment, completed)

                missed = now() + timedelta(seconds=1)
                overdue, expired = (
                    await ask(deployment, send_at=said(missed)),
                    await ask(deployment, expires_at=said(missed)),
                )
                await wait_until(lambda: now() > missed)
                with deployment.service("consumer"):
                    assert min(await ended(overdue, "sent")) >= missed
                    await ended(expired, "expired")
                    due = now() + SOON
                    prompt = await ask(deployment, send_at=said(due))
                    mail = {"channel": "email", "subject": "Hello", "recipients": MAILS}
                    refused = await ask(deployment, **mail, expires_at=said(due))
                    for moments in (await ended(prompt, "sent"), await ended(refused, "expired")):
                        assert min(moments) >= due
                        assert max(moments) - due < LATE
                    later = now() + 2 * SOON
                    kept = await ask(deployment, send_at=said(later))
                    await wait_until(
                        lambda: deployment.database["requests"].find_one({"head.request_id": kept, "counted": 0})
                    )
                with deployment.service("consumer"):
                    assert min(await ended(kept, "sent")) >= later
        assert len(provider.accepted()) == 3 * len(NUMBERS)
        assert sum(provider.calls().values()) == 3 * len(NUMBERS) + len(MAILS), "a provider was asked before its time"
