"""Logger of the consumer, and the location of an error."""

import structlog

logger: structlog.stdlib.BoundLogger = structlog.get_logger("rollcall.consumer")


def error_location(error: BaseException) -> str:
    """Return the innermost function and line of an error, without any values."""
    frame, location = error.__traceback__, ""
    while frame:
        location = f"{frame.tb_frame.f_code.co_qualname}:{frame.tb_lineno}"
        frame = frame.tb_next
    return location
