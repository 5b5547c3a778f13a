"""Decision about a message by the entries of its address."""

from datetime import UTC, datetime, timedelta

import pytest

from core.suppressions import REASONS, SuppressionEntry, reason_to_suppress
from schemas.statuses import Category, Reason, SuppressionReason
from schemas.suppressions import scope_problem

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
MARKETING, TRANSACTIONAL = Category.MARKETING, Category.TRANSACTIONAL
OPTED_OUT, COMPLAINED, BOUNCED, INVALID, MANUAL = SuppressionReason
BY_RECIPIENT = [(OPTED_OUT, Reason.OPTED_OUT), (COMPLAINED, Reason.COMPLAINED)]


def decide(reason: SuppressionReason, scope: str, category: Category, mailing_list: str | None = None) -> Reason | None:
    return reason_to_suppress([SuppressionEntry(reason, scope, "test", NOW)], category, mailing_list, NOW)


@pytest.mark.parametrize(("reason", "logged"), BY_RECIPIENT)
@pytest.mark.parametrize("scope", ["category:marketing", "list:news"])
def test_an_opt_out_from_a_category_or_a_list_stops_the_marketing_that_matches(
    reason: SuppressionReason, logged: Reason, scope: str
) -> None:
    assert decide(reason, scope, MARKETING, "news") is logged
    assert decide(reason, scope, TRANSACTIONAL, "news") is None


@pytest.mark.parametrize(("reason", "logged"), BY_RECIPIENT)
def test_an_opt_out_from_a_list_stops_no_other_list(reason: SuppressionReason, logged: Reason) -> None:
    assert decide(reason, "list:news", MARKETING, "offers") is None
    assert decide(reason, "list:None", MARKETING) is None
    assert decide(reason, "category:marketing", MARKETING) is logged


@pytest.mark.parametrize(("reason", "logged"), BY_RECIPIENT)
@pytest.mark.parametrize("category", Category)
def test_an_opt_out_from_everything_stops_everything(
    reason: SuppressionReason, logged: Reason, category: Category
) -> None:
    assert decide(reason, "all", category) is logged


@pytest.mark.parametrize(("reason", "logged"), [(BOUNCED, Reason.BOUNCED), (INVALID, Reason.INVALID_ADDRESS)])
@pytest.mark.parametrize("category", Category)
@pytest.mark.parametrize("scope", ["all", "list:other"])
def test_an_address_that_takes_no_message_stops_everything(
    reason: SuppressionReason, logged: Reason, category: Category, scope: str
) -> None:
    assert decide(reason, scope, category) is logged


@pytest.mark.parametrize(
    ("scope", "stopped"),
    [
        ("all", {MARKETING, TRANSACTIONAL}),
        ("category:marketing", {MARKETING}),
        ("category:transactional", {TRANSACTIONAL}),
        ("list:news", {MARKETING, TRANSACTIONAL}),
        ("list:other", set()),
    ],
)
def test_an_entry_by_hand_stops_what_its_scope_says(scope: str, stopped: set[Category]) -> None:
    found = {category: decide(MANUAL, scope, category, "news") for category in Category}

    assert found == {each: Reason.MANUAL if each in stopped else None for each in Category}


@pytest.mark.parametrize(("seconds", "is_stopped"), [(-1, False), (0, False), (1, True)])
def test_an_entry_counts_until_its_end(seconds: int, is_stopped: bool) -> None:  # noqa: FBT001  # a parameter
    entry = SuppressionEntry(BOUNCED, "all", "test", NOW, NOW + timedelta(seconds=seconds))

    assert (reason_to_suppress([entry], MARKETING, None, NOW) is Reason.BOUNCED) is is_stopped


def test_the_first_reason_that_applies_is_logged() -> None:
    entries = [SuppressionEntry(reason, "all", "test", NOW) for reason in reversed(SuppressionReason)]

    assert reason_to_suppress(entries, MARKETING, None, NOW) is Reason.OPTED_OUT
    assert reason_to_suppress(entries[:2], MARKETING, None, NOW) is Reason.INVALID_ADDRESS
    assert reason_to_suppress([], MARKETING, None, NOW) is None


def test_each_reason_has_one_for_the_log() -> None:
    assert list(REASONS) == list(SuppressionReason)


@pytest.mark.parametrize(
    ("reason", "scope", "has_problem"),
    [
        (OPTED_OUT, "all", False),
        (OPTED_OUT, "list:news", False),
        (OPTED_OUT, "category:marketing", False),
        (COMPLAINED, "category:transactional", True),
        (MANUAL, "category:transactional", False),
        (BOUNCED, "all", False),
        (BOUNCED, "list:news", True),
        (INVALID, "category:marketing", True),
    ],
)
def test_a_scope_without_a_meaning_for_its_reason_has_a_problem(
    reason: SuppressionReason,
    scope: str,
    has_problem: bool,  # noqa: FBT001  # a parameter
) -> None:
    assert (scope_problem(reason, scope) is not None) is has_problem
