"""Folders of this repository that tests read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACT_DATA = ROOT / "tests" / "contract" / "data"
"""Request bodies of the published contract."""
