"""Amounts of money in requests and settings."""

from typing import Annotated, Any

from pydantic import Field

from schemas.text_patterns import text_pattern

DECIMALS = 6
"""Maximum number of decimals of an amount."""
MAX_UNITS_DIGITS = 12
"""Maximum number of digits before the decimals. The sum of a request then fits into the integers of MongoDB."""
AMOUNT_PATTERN = rf"^(0|[1-9][0-9]{{0,{MAX_UNITS_DIGITS - 1}}})(\.[0-9]{{1,{DECIMALS}}})?$"
"""Form of an amount, such as `0.045`."""

Amount = Annotated[
    str,
    text_pattern(
        AMOUNT_PATTERN,
        f"must be an amount such as 25.50, with at most {MAX_UNITS_DIGITS} digits and {DECIMALS} decimals",
    ),
]
Budget = Amount
BUDGET: Any = Field(
    default=None,
    description="maximum cost of the request, in the currency of the prices. Deliveries beyond it end `suppressed`. "
    "Only for SMS.",
    examples=["25.50"],
)
"""Field of a request."""
NO_PRICES = "must not be given, because no provider of the channel has prices. Leave it out, or set prices."
"""Problem of a budget that cannot be kept."""
