"""Reports of this process about its providers, for services that call no provider themselves."""

from itertools import islice

from consumer.context import ConsumerContext
from consumer.logger import error_location, logger
from ledger.errors import LedgerUnavailable
from ledger.provider_states import REPORT_SECONDS, ProviderState
from schemas.statuses import Channel

MAX_OWN = 1_000
"""Maximum number of failing providers of tenants in a report."""


async def report_providers(context: ConsumerContext) -> None:
    """Write the state of each provider into the ledger regularly, until cancelled."""
    while True:
        try:
            await context.ledger.provider_states.report(context.process_name, states_of(context))
        except LedgerUnavailable:  # the sweeper logs it, and the next report says the same
            pass
        except Exception as error:  # noqa: BLE001  # without reports a channel that works would look down
            logger.error("report of providers failed", error=type(error).__name__, location=error_location(error))
        await context.sleep(REPORT_SECONDS)


def states_of(context: ConsumerContext) -> list[ProviderState]:
    """Return the state of each provider as this process knows it. Those of tenants are left out while they work."""
    problem_of = context.provider_caller.problem_of
    with_uri = context.providers.with_unsubscribe_uri
    states = [
        ProviderState(
            provider.name,
            channel,
            problem_of(provider.name),
            _owners(provider.name, context),
            provider.name in with_uri,
        )
        for channel in Channel
        for provider in context.providers.for_channel(channel)
    ]
    own = (
        ProviderState(provider.name, provider.channel, problem, (tenant_id,))
        for tenant_id, provider in context.tenant_providers.each()
        if (problem := problem_of(provider.name))
    )
    return [*states, *islice(own, MAX_OWN)]


def _owners(provider: str, context: ConsumerContext) -> tuple[str, ...] | None:
    owners = context.routes.owners(provider)
    return tuple(sorted(owners)) if owners else None
