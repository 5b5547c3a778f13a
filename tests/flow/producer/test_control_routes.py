"""Orders over HTTP: cancel, pause, resume; what may still be sent is said, and nothing beyond it is."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from consumer.deliver.claim import Claimer
from consumer.deliver.deliver import deliver
from core.ids import ChunkId
from tests.flow.sample_requests import ADMIN, READ, Library
from tests.support.service import a_token

REQUESTS = "/communication/requests"
SCHEDULED = "/communication/scheduled"
SEND = "communication:send"
PEOPLE = [f"138000000{n:02d}" for n in range(10)]
LATER = "2026-01-02T04:00:00Z"


@pytest.fixture
async def library() -> AsyncIterator[Library]:
    made = Library()
    async with made.service:
        yield made


async def order(
    library: Library,
    path: str,
    *scopes: str,
    status: int = 200,
    method: str = "POST",
    user: str = "usr_a",
    tenant: str = "tnt_a",
    **call: Any,
) -> dict[str, Any]:
    token = a_token(*(scopes or (SEND,)), user=user, tenant=tenant)
    answer = await library.service.client.request(method, path, headers={"Authorization": f"Bearer {token}"}, **call)
    assert answer.status_code == status, answer.text
    said: dict[str, Any] = answer.json()
    assert said["code"] == status
    return said


def sent(library: Library) -> int:
    return sum(library.world.providers[0].taken.values())


async def test_a_pause_holds_what_has_not_begun_until_it_is_resumed(library: Library) -> None:
    await library.pending("r", PEOPLE)
    claimer = Claimer(context := library.world.context())
    taken = await claimer.claim_chunk(ChunkId(library.world.bus.wake_ups.pop(0)[-1]))
    assert taken is not None

    assert await order(library, f"{REQUESTS}/r/pause") == {
        "code": 200,
        "message": "paused, at most 2 deliveries that had begun may still be sent",
        "timestamp": "2026-04-15T12:00:00.001234Z",
        "request_id": "r",
        "state": "paused",
        "may_still_be_sent": 2,
    }
    await deliver(taken, context)
    await library.world.deliver_all()
    assert sent(library) == 2
    assert (await order(library, f"{REQUESTS}/r/pause"))["may_still_be_sent"] == 0
    assert (await library.get(f"{REQUESTS}/r"))["state"] == "paused"

    assert (await order(library, f"{REQUESTS}/r/resume"))["message"] == "sending"
    assert (await order(library, f"{REQUESTS}/r/resume"))["state"] == "sending"
    await library.world.deliver_all()
    assert sent(library) == 10
    assert (await library.get(f"{REQUESTS}/r"))["state"] == "completed"


async def test_a_cancelled_request_ends_and_stays_cancelled(library: Library) -> None:
    await library.pending("r", PEOPLE)
    assert (await order(library, f"{REQUESTS}/r/cancel"))["message"] == "cancelled"
    assert (await order(library, f"{REQUESTS}/r/cancel"))["state"] == "cancelled"
    for late in ("pause", "resume"):
        said = await order(library, f"{REQUESTS}/r/{late}", status=409)
        assert said["message"].startswith("too late: the request is cancelled: nothing more is sent")
    await library.world.deliver_all()
    assert (sent(library), (await library.get(f"{REQUESTS}/r"))["by_status"]) == (0, {"cancelled": 10})
    said = await order(library, f"{REQUESTS}/r/cancel")
    assert (said["state"], said["may_still_be_sent"]) == ("completed", 0), "a repeat is no news"


async def test_a_cancel_after_the_last_outcome_is_too_late(library: Library) -> None:
    await library.pending("r", PEOPLE)
    await library.world.deliver_all()
    for _ in range(2):
        said = await order(library, f"{REQUESTS}/r/cancel", status=409)
        assert said["message"] == "too late: the request is completed: every delivery has its outcome"
        assert set(said) == {"code", "message", "timestamp"}


async def test_what_is_scheduled_is_cancelled_until_its_time_has_come(library: Library) -> None:
    await library.pending("r", PEOPLE, send_at=LATER)
    await library.pending("late", PEOPLE, send_at=LATER)
    said = await order(library, f"{SCHEDULED}/r", method="DELETE")
    assert (said["state"], said["may_still_be_sent"]) == ("cancelled", 0)
    assert (await order(library, f"{SCHEDULED}/r", method="DELETE"))["state"] == "cancelled"
    library.world.pass_time(3600)
    said = await order(library, f"{SCHEDULED}/late", method="DELETE", status=409)
    assert said["message"].startswith("too late: the request is sending")
    await library.world.deliver_all()
    assert sent(library) == 10
    said = await order(library, f"{SCHEDULED}/late", method="DELETE", status=409)
    assert said["message"].startswith("too late: the request is completed")


async def test_a_request_that_is_sent_at_once_is_no_scheduled_one(library: Library) -> None:
    await library.pending("r", PEOPLE)
    await order(library, f"{SCHEDULED}/r", method="DELETE", status=409)
    await library.world.deliver_all()
    assert sent(library) == 10


@pytest.mark.parametrize("path", [f"{REQUESTS}/{{}}/{name}" for name in ("cancel", "pause", "resume")])
async def test_nobody_orders_what_is_anothers_save_who_administers(library: Library, path: str) -> None:
    await library.pending("r", PEOPLE)
    unknown = await order(library, path.format("nothing"), status=404)
    others: list[dict[str, Any]] = [{"tenant": "tnt_b"}, {"tenant": "tnt_b", "scopes": ADMIN}, {"user": "usr_b"}]
    for other in others:
        scope = other.pop("scopes", SEND)
        assert (await order(library, path.format("r"), scope, status=404, **other)) == unknown
    assert (await order(library, path.format("r"), READ, status=403))["message"].endswith(SEND)
    await order(library, path.format("r"), ADMIN, user="usr_b")


async def test_an_order_has_no_parameters_and_what_is_sent_with_it_is_not_looked_at(library: Library) -> None:
    await library.pending("r", PEOPLE)
    said = await order(library, f"{REQUESTS}/r/cancel?force=1", status=400)
    assert said["message"] == "force: is not a parameter of this route"
    await order(library, f"{REQUESTS}/r/pause", content=b"{broken")
    await order(library, f"{REQUESTS}/r/pause", status=405, method="GET")
    await order(library, f"{SCHEDULED}/r", status=405)


async def test_without_mongodb_an_order_is_to_be_given_again(library: Library) -> None:
    await library.pending("r", PEOPLE)
    library.service.gateway._problem = "MongoDB does not answer"
    said = await order(library, f"{REQUESTS}/r/cancel", status=503)
    assert said["message"] == "MongoDB is not available, and this call needs it"
