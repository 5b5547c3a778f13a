"""Receipts of one message. The same seed and delivery id have the same ones."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cli.simulator.receipts.behaviour import ReceiptBehaviour
from cli.simulator.received import Delivery
from cli.simulator.signing.signed_call import ReceiptOutcome, SimulatedReceipt
from cli.simulator.signing.vendors import VENDORS
from providers.simulated_results import random_fraction

LATE_SECONDS = 0.2
"""Time after the outcome at which a late receipt `sent` follows, in seconds, if the outcome has no longer delay."""


@dataclass(frozen=True, slots=True)
class PlannedReceipt:
    """Receipt, and the time until it is due in seconds. None if it comes before the answer to the sender."""

    receipt: SimulatedReceipt
    delay_seconds: float | None


class ReceiptPlan:
    """Plans receipts as configured."""

    def __init__(self, behaviour: ReceiptBehaviour, seed: int) -> None:
        self._behaviour, self._seed = behaviour, seed
        self._channels = VENDORS[behaviour.receipts_format].channels
        self._shares = list(behaviour.shares.items())

    def receipts_of(self, delivery: Delivery) -> list[PlannedReceipt]:
        """Return the receipts of a message, or none for one that gets none or that the vendor does not send."""
        outcome = self._outcome(delivery.id) if delivery.channel in self._channels else None
        if outcome is None:
            return []
        behaviour = self._behaviour
        jitter = behaviour.receipt_jitter_ms * self._fraction(delivery.id, "delay")
        delay = (behaviour.receipt_delay_ms + jitter) / 1000
        is_early = self._fraction(delivery.id, "early") < behaviour.early_receipt_rate
        planned = [_planned(delivery, outcome, None if is_early else delay)]
        sent = self._fraction(delivery.id, "sent")
        if sent < behaviour.sent_receipt_rate:
            planned.insert(0, _planned(delivery, ReceiptOutcome.SENT, delay / 2))
        elif sent < behaviour.sent_receipt_rate + behaviour.late_sent_rate:
            planned.append(_planned(delivery, ReceiptOutcome.SENT, delay + max(delay, LATE_SECONDS)))
        return planned

    def is_repeated(self, receipt: SimulatedReceipt) -> bool:
        """Return whether the call that begins with this receipt is made twice."""
        return self._fraction(receipt.delivery_id, "repeated") < self._behaviour.repeated_receipt_rate

    def is_forged(self, receipt: SimulatedReceipt) -> bool:
        """Return whether a forged call comes before the first call that begins with this receipt."""
        is_first = receipt.attempts == 0
        return is_first and self._fraction(receipt.delivery_id, "forged") < self._behaviour.forged_receipt_rate

    def _outcome(self, delivery_id: str) -> ReceiptOutcome | None:
        drawn, below = self._fraction(delivery_id, "outcome"), 0.0
        for outcome, share in self._shares:
            below += share
            if drawn < below:
                return outcome
        return None

    def _fraction(self, delivery_id: str, purpose: str) -> float:
        return random_fraction(self._seed, f"{delivery_id} receipt {purpose}")


def _planned(delivery: Delivery, outcome: ReceiptOutcome, delay_seconds: float | None) -> PlannedReceipt:
    at = datetime.now(UTC) + timedelta(seconds=delay_seconds or 0)
    return PlannedReceipt(SimulatedReceipt(delivery.id, delivery.message_id, delivery.to, outcome, at), delay_seconds)
