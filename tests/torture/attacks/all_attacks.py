"""Every attack, by its name."""

from tests.torture.attacks import calls, records, texts
from tests.torture.attacks.hostile_tenant import ATTACKS

OVER_HTTP = [name for name, attack in ATTACKS.items() if attack.bout.__module__ != records.__name__]
"""The attacks of a tenant. The others are those of a service of the operator, which may write to the intake."""

__all__ = ["ATTACKS", "OVER_HTTP", "calls", "records", "texts"]
