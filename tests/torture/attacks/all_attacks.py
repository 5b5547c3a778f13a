"""Every attack, by its name."""

from tests.torture.attacks import calls, records, texts
from tests.torture.attacks.hostile_tenant import ATTACKS

__all__ = ["ATTACKS", "calls", "records", "texts"]
