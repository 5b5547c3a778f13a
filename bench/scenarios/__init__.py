"""Scenarios of the bench, one in each file. A file has a constant SCENARIO."""

import importlib
import pkgutil

from bench.scenario import Scenario


def names() -> list[str]:
    """Return the names of all scenarios: those of their files."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Scenario:
    """Return a scenario by its name."""
    scenario = importlib.import_module(f"{__name__}.{name}").SCENARIO
    if not isinstance(scenario, Scenario):
        raise TypeError(f"bench/scenarios/{name}.py: SCENARIO is not a Scenario")
    return scenario
