"""Amounts of money: exact inside, decimal strings outside."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import add_costs, parse_amount, show_amount, show_cost
from schemas.amounts import AMOUNT_PATTERN


@given(st.integers(0, 10**18 - 1))
def test_an_amount_is_the_same_after_it_was_shown(millionths: int) -> None:
    shown = show_amount(millionths)
    assert re.search(AMOUNT_PATTERN, shown)
    assert parse_amount(shown) == millionths


@pytest.mark.parametrize(("text", "shown"), [("0", "0"), ("0.045", "0.045"), ("10", "10"), ("1.500000", "1.5")])
def test_zeros_at_the_end_are_not_shown(text: str, shown: str) -> None:
    assert show_amount(parse_amount(text)) == shown


def test_costs_are_added_by_currency() -> None:
    assert add_costs([{"EUR": 1}, None, {"EUR": 2, "USD": 0}]) == {"EUR": 3, "USD": 0}
    assert show_cost({"USD": 0, "EUR": 45_000}) == {"EUR": "0.045", "USD": "0"}
    assert show_cost({}) is None
