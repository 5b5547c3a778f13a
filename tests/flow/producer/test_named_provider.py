"""A request that names its provider: over HTTP, in its record, in its header, and refused if there is none."""

import pytest

from consumer.sweep.provider_reports import states_of
from core.routes import Route, RouteRule, Routes, Target
from ledger.provider_states import REPORT_SECONDS
from schemas.statuses import Channel
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.flow.world import RecordingProvider
from tests.support.service import GOOD


async def reported(both: ServiceAndConsumer) -> None:
    await both.world.ledger.provider_states.report("consumer-1", states_of(both.world.context()))


async def test_only_the_named_provider_is_called() -> None:
    async with ServiceAndConsumer() as both:
        both.world.providers = (RecordingProvider("first"), RecordingProvider("second"))
        await reported(both)
        assert (await both.send({**GOOD, "provider": "second"})).status_code == 200
        await both.consume()
        (request_id,) = {event["request_id"] for event in both.world.events("request.accepted")}
        assert {log.provider for log in await both.world.logs(request_id, "tnt_a")} == {"second"}


@pytest.mark.parametrize(("channel", "name"), [("sms", "third"), ("sms", "post")])
async def test_a_name_that_the_channel_does_not_have_is_refused(channel: str, name: str) -> None:
    async with ServiceAndConsumer() as both:
        await reported(both)
        answer = await both.send({**GOOD, "channel": channel, "provider": name})
        assert answer.status_code == 400
        assert answer.json()["message"] == "provider: there is no provider of sms with this name"
        assert not both.service.publisher.records


async def test_the_provider_of_another_tenant_is_refused_and_not_used_by_default() -> None:
    async with ServiceAndConsumer() as both:
        both.world.providers = (RecordingProvider("theirs"), RecordingProvider("shared"))
        both.world.routes = Routes([RouteRule(Channel.SMS, Route((Target("theirs"),)), tenant="acme")])
        await reported(both)
        assert (await both.send({**GOOD, "provider": "theirs"})).status_code == 400
        await both.world.expand(both.world.record("13800138000", request_id="named", provider="theirs"))
        (event,) = both.world.events("request.rejected")
        assert event["reason"] == "unknown_provider"
        assert (await both.send(GOOD)).status_code == 200
        await both.consume()
        assert not both.world.providers[0].calls
        assert both.world.providers[1].taken.total() == 1


async def test_without_a_report_the_consumer_refuses_it() -> None:
    async with ServiceAndConsumer() as both:
        assert (await both.send({**GOOD, "provider": "third"})).status_code == 200
        await both.consume()
        (event,) = both.world.events("request.rejected")
        assert (event["reason"], event["fields"]) == ("unknown_provider", ["provider"])


async def test_a_new_name_is_accepted_within_seconds() -> None:
    async with ServiceAndConsumer() as both:
        await reported(both)
        assert (await both.send({**GOOD, "provider": "new"})).status_code == 400
        both.world.providers = (*both.world.providers, RecordingProvider("new"))
        await reported(both)
        both.service.clock.monotonic += REPORT_SECONDS
        assert (await both.send({**GOOD, "provider": "new"})).status_code == 200


async def test_a_stored_request_is_read_again_after_its_provider_was_removed() -> None:
    async with ServiceAndConsumer() as both:
        both.world.providers = (RecordingProvider("first"), RecordingProvider("second"))
        await both.send({**GOOD, "provider": "second"})
        await both.expand()
        both.world.providers = both.world.providers[:1]
        both._consumed = 0
        await both.expand()
        assert not both.world.events("request.rejected")
