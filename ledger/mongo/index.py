"""Index of a collection, with the query that it serves."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Index:
    """Index that `rollcall setup` creates."""

    collection: str
    name: str
    keys: tuple[tuple[str, int], ...]
    serves: str
    options: dict[str, Any] = field(default_factory=dict)
