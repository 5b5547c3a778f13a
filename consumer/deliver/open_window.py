"""The window of a claim while its owner works on it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from core.chunk_work import WaitingDelivery, Window
from core.delivery_outcome import NotSent, WindowDelivery
from core.index_ranges import indices
from core.send_result import Failed, Retry


@dataclass(slots=True)
class OpenWindow:
    """A window as the chunk stores it, and the results of its deliveries so far. It is empty without an intent."""

    intent: Window | None
    taken_over: bool = False
    """True if a previous owner left the window open. Its deliveries may have been sent."""
    deliveries: list[WindowDelivery] = field(init=False)

    def __post_init__(self) -> None:
        """Start without any result."""
        batch = self.intent.batch if self.intent else None
        self.deliveries = (
            [
                WindowDelivery(index, batch.attempts, index in batch.possibly_sent, history=batch.histories.get(index))
                for index in indices(batch.ranges)
            ]
            if batch
            else []
        )

    @property
    def provider(self) -> str | None:
        """The name of the provider chosen for the window."""
        return self.intent.provider if self.intent else None

    @property
    def is_pinned(self) -> bool:
        """Return whether the provider may have taken the deliveries already and deduplicates by delivery id."""
        return self.intent is not None and self.intent.batch.pinned_provider is not None

    def pin(self) -> None:
        """Let no other provider have the deliveries, also if its entry is changed or deleted from now on."""
        if self.intent and not self.is_pinned:
            self.intent = replace(self.intent, batch=replace(self.intent.batch, pinned_provider=self.intent.provider))

    @property
    def without_result(self) -> list[WindowDelivery]:
        """The deliveries whose result is not known."""
        return [entry for entry in self.deliveries if entry.result is None]

    @property
    def with_result(self) -> list[WindowDelivery]:
        """The deliveries whose result is known."""
        return [entry for entry in self.deliveries if entry.result is not None]

    def end_without_call(self, result: Failed | Retry | NotSent) -> None:
        """Give this result to each delivery whose result is not known."""
        for entry in self.without_result:
            entry.result = result

    def move_out(self, intent: Window, others: Iterable[WaitingDelivery]) -> list[WaitingDelivery]:
        """Replace the intent by one without these deliveries. Return those of them that have no result."""
        left = {entry.index for entry in self.without_result}
        self.narrow(intent)
        return [other for other in others if other.index in left]

    def narrow(self, intent: Window | None) -> None:
        """Replace the intent by one with the same deliveries or fewer."""
        self.intent = intent
        if intent and len(intent.batch) == len(self.deliveries):
            return
        kept = set(indices(intent.batch.ranges)) if intent else set()
        self.deliveries = [entry for entry in self.deliveries if entry.index in kept]
