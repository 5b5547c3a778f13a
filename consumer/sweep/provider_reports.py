"""Reports of this process about its providers, for services that call no provider themselves."""

import contextlib

from consumer.context import ConsumerContext
from ledger.errors import LedgerError
from ledger.provider_states import REPORT_SECONDS, ProviderState
from schemas.statuses import Channel


async def report_providers(context: ConsumerContext) -> None:
    """Write the state of each provider into the ledger regularly, until cancelled."""
    while True:
        with contextlib.suppress(LedgerError):  # the next report says the same
            await context.ledger.provider_states.report(context.process_name, states_of(context))
        await context.sleep(REPORT_SECONDS)


def states_of(context: ConsumerContext) -> list[ProviderState]:
    """Return the state of each provider as this process knows it."""
    problem_of = context.provider_caller.problem_of
    return [
        ProviderState(provider.name, channel, problem_of(provider.name), _owners(provider.name, context))
        for channel in Channel
        for provider in context.providers.for_channel(channel)
    ]


def _owners(provider: str, context: ConsumerContext) -> tuple[str, ...] | None:
    owners = context.routes.owners(provider)
    return tuple(sorted(owners)) if owners else None
