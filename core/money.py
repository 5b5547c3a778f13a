"""Amounts of money. They are integers of a millionth of the unit of a currency inside, and decimal strings outside."""

from collections.abc import Iterable, Mapping

from schemas.amounts import DECIMALS

Cost = Mapping[str, int]
"""Sums in millionths by currency. It has one currency, unless the operator changed it. Empty: no price is known."""
NO_COST: Cost = {}


def parse_amount(text: str) -> int:
    """Return an amount in millionths. The text must match `AMOUNT_PATTERN`."""
    units, _, decimals = text.partition(".")
    return int(units + decimals.ljust(DECIMALS, "0"))


def show_amount(millionths: int) -> str:
    """Return an amount as a decimal string without zeros at its end."""
    units, decimals = divmod(millionths, 10**DECIMALS)
    return f"{units}.{decimals:0{DECIMALS}d}".rstrip("0").rstrip(".")


def show_cost(cost: Cost | None) -> dict[str, str] | None:
    """Return decimal strings by currency, or None if no price is known."""
    return {currency: show_amount(amount) for currency, amount in sorted(cost.items())} if cost else None


def add_costs(costs: Iterable[Cost | None]) -> Cost:
    """Return the sum of all costs that are known."""
    total: dict[str, int] = {}
    for cost in costs:
        for currency, amount in (cost or NO_COST).items():
            total[currency] = total.get(currency, 0) + amount
    return total
