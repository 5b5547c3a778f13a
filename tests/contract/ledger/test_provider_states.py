"""Reports of the consumers about their providers: the last one of each counts, for a minute."""

from ledger.ports import Ledger
from ledger.provider_states import FORGET_AFTER, ProviderState
from schemas.statuses import Channel
from tests.contract.ledger.conftest import Wait

SMS, POST = ProviderState("sms", Channel.SMS), ProviderState("post", Channel.EMAIL, "HTTP 503", ("acme", "b"), True)


async def test_the_last_report_of_each_consumer_counts(ledger: Ledger) -> None:
    assert await ledger.provider_states.list() == []
    await ledger.provider_states.report("b", [SMS])
    await ledger.provider_states.report("a", [SMS, POST])
    await ledger.provider_states.report("b", [SMS._replace(problem="$literal")])
    assert await ledger.provider_states.list() == [SMS, POST, SMS._replace(problem="$literal")]


async def test_the_report_of_a_consumer_that_has_ended_is_forgotten(ledger: Ledger, wait: Wait) -> None:
    await ledger.provider_states.report("a", [SMS])
    await wait(FORGET_AFTER.total_seconds() / 2)
    assert await ledger.provider_states.list() == [SMS]
    await wait(FORGET_AFTER.total_seconds() / 2)
    assert await ledger.provider_states.list() == []
