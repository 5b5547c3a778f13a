"""Drafts of messages that are rendered already."""

from collections.abc import Callable

from config.turn_budget import T, TurnBudget
from core.send_result import Message, SendResult
from providers.draft import Draft
from providers.provider import Provider, offer


class EndlessTurn(TurnBudget):
    """Budget for a loop in which nothing else waits."""

    async def run(self, work: Callable[[], T], weight: int) -> T:
        del weight
        return work()

    async def wait(self, weight: int = 0) -> None:
        del weight


ENDLESS = EndlessTurn()


def a_draft(message: Message) -> Draft:
    return Draft(message.id, lambda: message, 0, ENDLESS)


async def send(provider: Provider, message: Message) -> SendResult:
    """Send as the consumer does."""
    (result,) = await send_all(provider, message)
    return result


async def send_all(provider: Provider, *messages: Message) -> list[SendResult]:
    """Send the messages in one call, as the consumer does."""
    return await offer(provider, [a_draft(message) for message in messages])
