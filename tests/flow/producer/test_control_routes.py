"""Control over HTTP: cancel, pause, resume. The answer gives the number of deliveries that may still be sent."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from consumer.deliver.claim_chunks import Claimer
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


async def control(
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
    body: dict[str, Any] = answer.json()
    assert body["code"] == status
    return body


def sent(library: Library) -> int:
    return sum(library.world.providers[0].taken.values())


async def test_a_pause_stops_deliveries_that_have_not_begun_until_the_request_is_resumed(library: Library) -> None:
    await library.pending("r", PEOPLE)
    claimer = Claimer(context := library.world.context())
    taken = await claimer.claim_chunk(ChunkId(library.world.bus.wake_ups.pop(0)[-1]))
    assert taken is not None

    assert await control(library, f"{REQUESTS}/r/pause") == {
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
    assert (await control(library, f"{REQUESTS}/r/pause"))["may_still_be_sent"] == 0
    assert (await library.get(f"{REQUESTS}/r"))["state"] == "paused"

    assert (await control(library, f"{REQUESTS}/r/resume"))["message"] == "sending"
    assert (await control(library, f"{REQUESTS}/r/resume"))["state"] == "sending"
    await library.world.deliver_all()
    assert sent(library) == 10
    assert (await library.get(f"{REQUESTS}/r"))["state"] == "completed"


async def test_a_cancelled_request_ends_and_stays_cancelled(library: Library) -> None:
    await library.pending("r", PEOPLE)
    assert (await control(library, f"{REQUESTS}/r/cancel"))["message"] == "cancelled"
    assert (await control(library, f"{REQUESTS}/r/cancel"))["state"] == "cancelled"
    for late in ("pause", "resume"):
        body = await control(library, f"{REQUESTS}/r/{late}", status=409)
        assert body["message"].startswith("too late: the request is cancelled: nothing more is sent")
    await library.world.deliver_all()
    assert (sent(library), (await library.get(f"{REQUESTS}/r"))["by_status"]) == (0, {"cancelled": 10})
    body = await control(library, f"{REQUESTS}/r/cancel")
    assert (body["state"], body["may_still_be_sent"]) == ("completed", 0), "a repeat changes nothing"


async def test_a_cancel_after_the_last_outcome_is_too_late(library: Library) -> None:
    await library.pending("r", PEOPLE)
    await library.world.deliver_all()
    for _ in range(2):
        body = await control(library, f"{REQUESTS}/r/cancel", status=409)
        assert body["message"] == "too late: the request is completed: every delivery has its outcome"
        assert set(body) == {"code", "message", "timestamp"}


async def test_a_scheduled_request_can_be_cancelled_until_its_send_at(library: Library) -> None:
    await library.pending("r", PEOPLE, send_at=LATER)
    await library.pending("late", PEOPLE, send_at=LATER)
    body = await control(library, f"{SCHEDULED}/r", method="DELETE")
    assert (body["state"], body["may_still_be_sent"]) == ("cancelled", 0)
    assert (await control(library, f"{SCHEDULED}/r", method="DELETE"))["state"] == "cancelled"
    library.world.pass_time(3600)
    body = await control(library, f"{SCHEDULED}/late", method="DELETE", status=409)
    assert body["message"].startswith("too late: the request is sending")
    await library.world.deliver_all()
    assert sent(library) == 10
    body = await control(library, f"{SCHEDULED}/late", method="DELETE", status=409)
    assert body["message"].startswith("too late: the request is completed")


async def test_a_request_without_send_at_is_not_a_scheduled_one(library: Library) -> None:
    await library.pending("r", PEOPLE)
    await control(library, f"{SCHEDULED}/r", method="DELETE", status=409)
    await library.world.deliver_all()
    assert sent(library) == 10


@pytest.mark.parametrize("path", [f"{REQUESTS}/{{}}/{name}" for name in ("cancel", "pause", "resume")])
async def test_only_the_owner_and_an_admin_control_a_request(library: Library, path: str) -> None:
    await library.pending("r", PEOPLE)
    unknown = await control(library, path.format("nothing"), status=404)
    others: list[dict[str, Any]] = [{"tenant": "tnt_b"}, {"tenant": "tnt_b", "scopes": ADMIN}, {"user": "usr_b"}]
    for other in others:
        scope = other.pop("scopes", SEND)
        assert (await control(library, path.format("r"), scope, status=404, **other)) == unknown
    assert (await control(library, path.format("r"), READ, status=403))["message"].endswith(SEND)
    await control(library, path.format("r"), ADMIN, user="usr_b")


async def test_a_control_call_has_no_parameters_and_its_body_is_ignored(library: Library) -> None:
    await library.pending("r", PEOPLE)
    body = await control(library, f"{REQUESTS}/r/cancel?force=1", status=400)
    assert body["message"] == "(unknown): is not a parameter of this route. It has no parameters."
    await control(library, f"{REQUESTS}/r/pause", content=b"{broken")
    await control(library, f"{REQUESTS}/r/pause", status=405, method="GET")
    await control(library, f"{SCHEDULED}/r", status=405)


async def test_without_mongodb_a_control_call_must_be_repeated(library: Library) -> None:
    await library.pending("r", PEOPLE)
    library.service.gateway._problem = "MongoDB does not answer"
    body = await control(library, f"{REQUESTS}/r/cancel", status=503)
    assert body["message"] == "MongoDB is not available, and this call needs it"
