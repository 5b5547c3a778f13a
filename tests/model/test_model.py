import pytest

from tests.model.check import check
from tests.model.graphs import ALL_FLAWS, GRAPHS, SHORT_GRAPHS
from tests.model.receipts import RECEIPT_FLAWS
from tests.model.suppressions import SUPPRESSION_FLAWS

LIMIT = 60_000

QUICK = (
    "no_intent",
    "overwrite_logs",
    "takeover_resends_logged",
    "completion_without_parts",
    "close_unfenced",
    "ignores_cancel",
    "pause_ignored",
    "withdraws_what_left",
    "expiry_ignored",
    "pause_parks_nothing",
    "sweep_only_deferred",
    "sweep_only_fresh",
    "sweeper_trusts_chunk",
    "facts_late",
    "small_written_again",
    "small_never_parked",
    "secrets_erased_at_claim",
    "secrets_erased_with_intent",
    "secrets_of_retries_erased",
    "secrets_left_at_close",
    "request_secrets_erased_at_close",
    "uncertain_moves_on",
    "takeover_is_certain",
    "round_spends_nothing",
    "refusals_forgotten",
    "breaker_spends_attempt",
    "correction_unwritten",
    "takeover_chooses_again",
    "unpinned",
    "changed_is_the_same",
    "vanished_is_sent_elsewhere",
    "permit_after_call",
    "uncertain_permits_given_back",
    "takeover_gives_permits_back",
    "old_permits_given_back",
    "reserves_after_call",
    "reserves_unfenced",
    "unreserved_is_taken_over",
    "uncertain_is_free",
    "deduplicated_is_free",
    "earlier_log_counts",
    *RECEIPT_FLAWS,
    *SUPPRESSION_FLAWS,
)
"""Flaws that a short search finds."""


@pytest.mark.parametrize("config", SHORT_GRAPHS)
def test_no_order_of_steps_breaks_the_protocol(config: str) -> None:
    verdict = check(SHORT_GRAPHS[config](()), LIMIT)
    assert verdict.complaint is None, verdict.trace
    assert verdict.ended


@pytest.mark.parametrize("flaw", QUICK)
def test_a_broken_protocol_is_found_broken(flaw: str) -> None:
    _, where = ALL_FLAWS[flaw]
    assert check(GRAPHS[where]((flaw,)), LIMIT).complaint


def test_every_flaw_names_a_configuration_that_shows_it() -> None:
    assert {where for _, where in ALL_FLAWS.values()} <= GRAPHS.keys()
