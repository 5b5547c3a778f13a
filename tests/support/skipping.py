"""What happens to a test whose real stack is not on this machine: said here, and an error where it is required."""

import os
from typing import NoReturn

import pytest


def not_run(reason: str) -> NoReturn:
    """Skip with this reason; with REQUIRE_REAL_STACK=1, as CI sets it, fail with it."""
    if os.environ.get("REQUIRE_REAL_STACK") == "1":
        pytest.fail(f"not run: {reason}")
    pytest.skip(f"not run: {reason}")
