"""Delivery that is offered to a provider. Its message is made only when the provider has a slot for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from config.turn_budget import TurnBudget
from core.render import RenderError
from core.send_result import Failed, Message, Retry, SendResult
from core.sms_segments import count_segments
from core.text_limits import failed_text
from schemas.statuses import Lane, Reason

NO_TIME = Retry(Reason.RATE_LIMITED, "no time to prepare the message", offered=False)
"""Result if the send ended while the message still waited to be made. Nothing was tried, so it ends no delivery."""

WITHDRAWN = Retry(Reason.UNAVAILABLE, "withdrawn", offered=False)
"""Result if its request, its lease or this process ended before the first byte of the message. Nothing was tried."""

T = TypeVar("T")


class UnsendableError(Exception):
    """Error for a message that a provider cannot write. It has the result of the delivery."""

    def __init__(self, result: Failed) -> None:
        super().__init__(result.error)
        self.result = result


class NotPreparedError(Exception):
    """Error if the message could not be made. A provider need not handle it, because `Draft.problem` is the result."""


def as_it_is(message: Message) -> Message:
    """Return the message itself, for a provider that needs no other form."""
    return message


def _always() -> bool:
    return True


async def _at_once(messages: int) -> bool:
    del messages
    return True


class Draft:
    """Delivery that is offered to a provider. Its repr shows no address and no text."""

    __slots__ = (
        "_budget",
        "_render",
        "_weight",
        "id",
        "is_prepared",
        "lane",
        "may_leave",
        "problem",
        "size",
        "wait_for_rate",
    )

    def __init__(
        self, delivery_id: str, render: Callable[[], Message], weight: int, budget: TurnBudget, size: int = 0
    ) -> None:
        self.id = delivery_id
        self.lane = Lane.BULK
        """Lane of its request. A delivery of the express lane goes first where the provider has no free slot."""
        self.size = size
        """Maximum number of bytes in memory after the message was made, with the copies of provider and client."""
        self.may_leave: Callable[[], bool] = _always
        """Returns whether the message may still be sent. A provider asks this before its first byte leaves."""
        self.wait_for_rate: Callable[[int], Awaitable[bool]] = _at_once
        """Waits until so many messages may be sent once more. Returns False if they may not.

        The caller has waited for the first time that each message is sent. A provider asks before it sends one again.
        """
        self._render, self._weight, self._budget = render, weight, budget
        self.is_prepared = False
        """True if the provider has what it writes. Before that it cannot have written anything."""
        self.problem: SendResult | None = None
        """Result if the message could not be made."""

    def __repr__(self) -> str:
        return f"Draft({self.id})"

    def count_segments(self) -> int:
        """Return the number of segments of an SMS. A message that cannot be made is never sent, and counts as one."""
        try:
            return count_segments(self._render().text).segments
        except Exception:  # noqa: BLE001  # `prepare` has the result of the same error
            return 1

    async def prepare(self, encode: Callable[[Message], T]) -> T:
        """Render the message, and return it as the provider writes it. Raises NotPreparedError.

        The provider has its slot before, and writes nothing before. A message that may not leave any more is
        `WITHDRAWN`. `encode` has no side effect, because it may run in a thread. It raises UnsendableError for a
        message that the provider cannot write.
        """
        if not self.may_leave():
            self.problem = WITHDRAWN
            raise NotPreparedError
        try:
            prepared = await self._budget.run(lambda: encode(self._render()), self._weight)
        except asyncio.CancelledError:  # also by the time-out of the provider
            self.problem = NO_TIME
            raise
        except UnsendableError as error:
            self.problem = error.result
        except RenderError as error:
            self.problem = failed_text(error)
        except MemoryError:
            self.problem = Retry(Reason.UNAVAILABLE, "preparing: no memory")
        except Exception as error:  # noqa: BLE001  # the same message would raise the same error again
            self.problem = Failed(Reason.INVALID_CONTENT, f"preparing: {type(error).__name__}", offered=False)
        else:
            self.is_prepared = True
            return prepared
        raise NotPreparedError
