"""Log lines as JSON on standard output, our own and those of the libraries, without what callers sent."""

import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

REPEAT_SECONDS = 30
"""A library says the same thing at most so often: a Kafka that is away would fill the disk."""


class SeldomFilter(logging.Filter):
    """Lets a message of one template pass once in a while."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is printed."""
        key = (record.name, str(record.msg))
        now = time.monotonic()
        if now - self._said.get(key, float("-inf")) < REPEAT_SECONDS:
            return False
        self._said[key] = now
        return True


def configure_logging(level: int = logging.INFO) -> None:
    """Send everything to standard output, a JSON object a line."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _place_of_exception,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    kafka = logging.getLogger("aiokafka")
    kafka.setLevel(logging.WARNING)  # at debug it prints keys and values
    handler.addFilter(_only_of("aiokafka", SeldomFilter()))


def _only_of(name: str, wrapped: logging.Filter) -> logging.Filter:
    """A filter that looks at the loggers under one name only."""

    class Filter(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            return bool(wrapped.filter(record)) if record.name.startswith(name) else True

    return Filter()


def _place_of_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """An exception's type and where it was raised; not its words, which may quote what a caller sent."""
    info = event.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["fault"] = describe(error)
    return event


def describe(error: BaseException) -> Mapping[str, str]:
    """The type of an exception and the innermost frame, as file and line."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "unknown"
    return {"type": type(error).__name__, "at": place}
