"""Modules that are hidden from the imports of a library."""

import importlib
import sys

import pytest

from config.optional_modules import without_modules


@pytest.mark.parametrize("loaded", [True, False])
def test_a_module_is_hidden_in_the_block_alone(*, loaded: bool) -> None:
    sys.modules.pop("this", None)
    before = sys.modules.setdefault("this", pytest) if loaded else None
    with without_modules("this"), pytest.raises(ImportError):
        importlib.import_module("this")
    assert sys.modules.pop("this", None) is before
