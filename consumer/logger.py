"""The consumer's logger, and the location of an error."""

import structlog

logger: structlog.stdlib.BoundLogger = structlog.get_logger("rollcall.consumer")


def error_location(error: BaseException) -> str:
    """The innermost line of our own, for whoever has to find the fault; values are never shown."""
    frame, place = error.__traceback__, ""
    while frame:
        place = f"{frame.tb_frame.f_code.co_qualname}:{frame.tb_lineno}"
        frame = frame.tb_next
    return place
