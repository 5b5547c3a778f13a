"""Part of the simulator that both servers share: it decides on a message, waits as long as configured, and notes it."""

import asyncio
from typing import Any, NoReturn

from cli.simulator.receipts.receipt_sender import ReceiptSender
from cli.simulator.received import Delivery, ReceivedMessages
from providers.simulated_results import SimulatedBehaviour, SimulatedResult, SimulatedResults

MAX_MESSAGE_BYTES = 10 * 1024 * 1024
"""Maximum size of an HTTP body and of a mail, in bytes."""


class Receiver:
    """Decision on each message, and the messages so far. With a sender of receipts, those that it took get some."""

    def __init__(
        self, behaviour: SimulatedBehaviour, received: ReceivedMessages, receipts: ReceiptSender | None = None
    ) -> None:
        self.behaviour = behaviour
        self.received = received
        self.receipts = receipts
        self._results = SimulatedResults(behaviour)

    async def receive(self, delivery: Delivery) -> SimulatedResult:
        """Return the result of a message after its latency. Never return if it hangs.

        A sender that leaves before the answer cancels this. Its message is not taken, so it counts as one that hangs.
        """
        result = self._results.next_result(delivery.id, delivery.to)
        if result is SimulatedResult.HANG:
            self.received.add(delivery, result)
            await never()
        try:
            await asyncio.sleep(self._results.latency_seconds(delivery.id))
        except asyncio.CancelledError:
            self.received.add(delivery, SimulatedResult.HANG)
            raise
        is_taken = result in {SimulatedResult.TAKE, SimulatedResult.DROP}
        if is_taken:
            self._results.take(delivery.id)
        self.received.add(delivery, result)
        if is_taken and self.receipts is not None:
            await self.receipts.take(delivery)
        return result

    def document(self) -> dict[str, Any]:
        """Return counts and latest messages, and the counts of receipts if there are any."""
        receipts = {} if self.receipts is None else {"receipts": self.receipts.document()}
        return self.received.document() | receipts

    def forget(self) -> None:
        """Begin again as after the start: without counts, messages, attempts and receipts that wait."""
        self._results = SimulatedResults(self.behaviour)
        self.received.forget()
        if self.receipts is not None:
            self.receipts.forget()


async def never() -> NoReturn:
    """Wait until the sender closes the connection, which cancels its handler."""
    while True:
        await asyncio.get_running_loop().create_future()
