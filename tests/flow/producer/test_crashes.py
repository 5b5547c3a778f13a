"""A crash of the HTTP service at any step: a repeat with the same `Idempotency-Key` is the same request."""

import itertools
from datetime import timedelta

import pytest

from tests.flow.sample_requests import KEY
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.flow.world import Steps, stepwise_ledger
from tests.support.service import GOOD, NOON, Service, a_service


@pytest.mark.parametrize("after", [False, True], ids=["before the step", "after the step"])
async def test_a_repeat_after_a_crash_at_any_step_is_the_same_request(*, after: bool) -> None:
    killed_in: set[str] = set()
    for kill_at in itertools.count():
        async with ServiceAndConsumer() as whole:
            steps = Steps(kill_at, after=after)
            dying = a_service(stepwise_ledger(whole.world.ledger, steps), sealing_keys=KEY)

            async def send(dying: Service = dying) -> None:
                async with dying:
                    await dying.send(GOOD, **{"Idempotency-Key": "k"})

            if not await whole.world.run_until_killed(send()):
                break
            killed_in.add(steps.done[kill_at])
            whole.service.publisher.records.extend(dying.publisher.records)
            whole.service.clock.now = NOON + timedelta(minutes=5)
            assert (await whole.send(GOOD, key="k")).status_code == 200
            assert len({part.value for _, part in whole.service.publisher.records}) == 1
            await whole.consume()
            assert [one["total"] for one in whole.world.events("request.completed")] == [1]
    assert killed_in >= {"keys.get", "requests.get", "keys.insert_or_get", "ledger.aclose"}
