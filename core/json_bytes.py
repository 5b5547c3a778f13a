"""JSON that is kept for a while."""

from typing import Any

import orjson


def json_bytes(value: Any) -> bytes:
    """Return the value as JSON in no more memory than it needs. The result of orjson keeps up to 16 times its length.

    Raise TypeError for a value that cannot be JSON.
    """
    return memoryview(orjson.dumps(value)).tobytes()
