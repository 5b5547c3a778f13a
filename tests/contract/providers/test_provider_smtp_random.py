"""Kind `smtp` at a server with random faults: whatever it does, each result is true and comes in time."""

import asyncio
import gc
from collections import Counter
from random import Random
from typing import Any

import pytest

from core.send_result import Message, SendResult, Sent, Uncertain
from tests.contract.providers.random_mail_server import RandomMailServer
from tests.contract.providers.test_provider_smtp import a_message, a_provider
from tests.support.drafts import send_all
from tests.support.polling import wait_until

SECONDS = 0.5
"""Time-out of the provider."""
TOO_LATE_SECONDS = 10.0
"""Time after which a send certainly does not end, also on a busy machine."""


@pytest.mark.parametrize("seed", range(30))
async def test_whatever_a_server_does_each_result_is_true_and_comes_in_time(seed: int) -> None:
    random, server = Random(seed), RandomMailServer(seed)
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    before = asyncio.all_tasks()
    mails = [a_message(f"log_{n}", cc=("cc@example.com",) if random.random() < 0.1 else ()) for n in range(60)]
    async with server.running():
        provider = a_provider(server, connections=random.choice([1, 2, 4]), timeout_seconds=SECONDS)

        async def send_batch(batch: list[Message]) -> list[SendResult]:
            await asyncio.sleep(random.random() * SECONDS)
            async with asyncio.timeout(SECONDS + TOO_LATE_SECONDS):
                return await send_all(provider, *batch)

        sending = [asyncio.create_task(send_batch(mails[begin : begin + 15])) for begin in range(0, 60, 15)]
        asyncio.get_running_loop().call_later(random.random(), sending[0].cancel)
        if random.random() < 0.3:
            asyncio.get_running_loop().call_later(random.random(), provider.stop, 0.1)
        batches = await asyncio.gather(*sending, return_exceptions=True)
        await provider.aclose()
        await wait_until(lambda: not provider._pool._pumps, seconds=10)
        await wait_until(lambda: not server.open_connections, seconds=10)

    assert max(Counter(server.taken).values(), default=0) <= 1
    for begin, batch in zip(range(0, 60, 15), batches, strict=True):
        if isinstance(batch, BaseException):
            assert isinstance(batch, asyncio.CancelledError)
            continue
        for mail, result in zip(mails[begin : begin + 15], batch, strict=True):
            if isinstance(result, Sent):
                assert mail.id in server.answered
            elif not isinstance(result, Uncertain):
                assert mail.id not in server.taken
    gc.collect()
    assert faults == []
    assert not provider._pool._queue
    assert asyncio.all_tasks() == before
