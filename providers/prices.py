"""Prices of SMS: the field of an entry, and the table of all providers."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from core.money import parse_amount
from schemas.amounts import Amount
from schemas.text_patterns import text_pattern

if TYPE_CHECKING:
    from providers.entries import ProviderEntry

Currency = Annotated[str, text_pattern(r"^[A-Z]{3}$", "must be three capital letters, such as EUR")]
Prefix = Annotated[
    str, text_pattern(r"^(\+[0-9]{1,15})?$", "must be the beginning of a number, such as +49, or empty for all others")
]


class Prices(BaseModel):
    """Prices of a provider for each segment of an SMS, by the beginning of the number."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    currency: Currency
    by_prefix: Annotated[dict[Prefix, Amount], Field(min_length=1, max_length=10_000)]


class ProviderPrices:
    """Prices of one provider, in millionths."""

    def __init__(self, prices: Prices) -> None:
        self.currency = prices.currency
        self._by_prefix = {prefix: parse_amount(amount) for prefix, amount in prices.by_prefix.items()}
        self._lengths = sorted({len(prefix) for prefix in self._by_prefix}, reverse=True)
        self.highest = max(self._by_prefix.values())

    def per_segment(self, number: str) -> int | None:
        """Return the price of the longest prefix of a number, or None if it has none."""
        for length in self._lengths:
            price = self._by_prefix.get(number[:length])
            if price is not None:
                return price
        return None


class PriceList:
    """Prices of all providers, in one currency."""

    def __init__(self, prices: Mapping[str, Prices | None] | None = None) -> None:
        priced = {name: each for name, each in (prices or {}).items() if each is not None}
        self.currency = next((each.currency for each in priced.values()), "")
        """Currency of all prices. Empty if there are none."""
        self._tables = {name: ProviderPrices(each) for name, each in priced.items()}

    def __bool__(self) -> bool:
        """Return whether any provider has prices."""
        return bool(self._tables)

    def per_segment(self, provider: str | None, number: str) -> int | None:
        """Return the price of a segment at a provider, in millionths, or None if it is not known."""
        table = self._tables.get(provider or "")
        return table.per_segment(number) if table else None

    def most_per_segment(self, number: str) -> int:
        """Return the highest price of a segment that any provider has for the number, or for any if none has one."""
        known = [table.per_segment(number) for table in self._tables.values()]
        prices = [price for price in known if price is not None]
        return max(prices or [table.highest for table in self._tables.values()])


NO_PRICES = PriceList()


def price_list(entries: Iterable["ProviderEntry"]) -> PriceList:
    """Return the prices of all entries."""
    return PriceList({entry.name: entry.prices for entry in entries})


def currency_problem(entries: Iterable["ProviderEntry"]) -> str | None:
    """Return the problem of prices in two currencies, or None."""
    first: dict[str, str] = {}
    for entry in entries:
        if entry.prices:
            first.setdefault(entry.prices.currency, entry.name)
    if len(first) < 2:
        return None
    (one, name), (other, other_name), *_ = first.items()
    return f"{name} has prices in {one}, and {other_name} in {other}. All prices must be in one currency."
