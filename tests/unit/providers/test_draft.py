"""A fault before anything was written to a provider is never `Uncertain`, whatever the provider does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from core.render import MissingVariable
from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.draft import NO_TIME, Draft, UnsendableError, as_it_is
from providers.provider import OneByOne, Provider, offer
from schemas.statuses import Channel, Reason
from tests.support.drafts import ENDLESS

MESSAGE = Message("log_1", Channel.SMS, "+8613800138000", "Hello", None, False, None, "tnt_1")
NO_ANSWER = Uncertain(Reason.NO_ANSWER, "OSError")


class Doing(OneByOne):
    """A minimal provider."""

    def __init__(self, send: Callable[[Draft], Awaitable[SendResult]]) -> None:
        self._send = send

    async def send_one(self, draft: Draft) -> SendResult:
        return await self._send(draft)


async def result_of(send: Callable[[Draft], Awaitable[SendResult]], error: Exception | None = None) -> SendResult:
    def render() -> Message:
        if error is not None:
            raise error
        return MESSAGE

    (result,) = await offer(cast("Provider", Doing(send)), [Draft("log_1", render, 0, ENDLESS)])
    return result


async def sends(draft: Draft) -> SendResult:
    await draft.prepare(as_it_is)
    return Sent()


async def hides_each_error(draft: Draft) -> SendResult:
    try:
        return await sends(draft)
    except Exception:  # noqa: BLE001  # as a provider does whose client raises anything
        return Uncertain(Reason.NO_ANSWER)


@pytest.mark.parametrize("send", [sends, hides_each_error])
@pytest.mark.parametrize(
    ("error", "result"),
    [
        (MissingVariable("name"), Failed(Reason.INVALID_CONTENT)),
        (ValueError("Your code is 4711"), Failed(Reason.INVALID_CONTENT, "preparing: ValueError")),
        (RecursionError(), Failed(Reason.INVALID_CONTENT, "preparing: RecursionError")),
        (UnsendableError(Failed(Reason.INVALID_RECIPIENT)), Failed(Reason.INVALID_RECIPIENT)),
        (MemoryError(), Retry(Reason.UNAVAILABLE, "preparing: no memory")),
    ],
)
async def test_a_message_that_cannot_be_made_has_its_result(
    send: Callable[[Draft], Awaitable[SendResult]], error: Exception, result: SendResult
) -> None:
    assert await result_of(send, error) == result


async def test_a_fault_before_the_message_is_made_is_tried_again() -> None:
    async def raises(draft: Draft) -> SendResult:
        raise OSError(draft.id)

    async def has_no_answer(_: Draft) -> SendResult:
        return NO_ANSWER

    for send in (raises, has_no_answer):
        assert await result_of(send) == Retry(Reason.UNAVAILABLE, "before the message was written: OSError")


async def test_a_fault_after_it_is_uncertain() -> None:
    async def raises(draft: Draft) -> SendResult:
        await draft.prepare(as_it_is)
        raise OSError(draft.id)

    assert await result_of(raises) == NO_ANSWER


async def test_a_time_out_while_the_message_waits_to_be_made_uses_no_attempt() -> None:
    class Never(type(ENDLESS)):  # type: ignore[misc]
        async def run(self, *_: object) -> None:
            await asyncio.get_running_loop().create_future()

    async def in_time(draft: Draft) -> SendResult:
        try:
            async with asyncio.timeout(0):
                await draft.prepare(as_it_is)
        except TimeoutError:
            return Retry(Reason.UNAVAILABLE, "connecting: timed out")
        return Sent()

    drafts = [Draft("log_1", lambda: MESSAGE, 0, Never())]
    assert await offer(cast("Provider", Doing(in_time)), drafts) == [NO_TIME]
