"""Log lines as JSON on standard output, from rollcall and its libraries, without the data of callers."""

import contextlib
import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

REPEAT_SECONDS = 30
"""Minimum time between equal messages of a library, in seconds. Without it an outage of Kafka would fill the disk."""


MAX_TEMPLATES = 500
"""Maximum number of message templates that the filter remembers. A library may write a message without a template."""
_TEMPLATE_LENGTH = 200
"""Number of characters by which templates are told apart."""


class SeldomFilter(logging.Filter):
    """Filter that lets messages of one template pass at most once in REPEAT_SECONDS."""

    def __init__(self) -> None:
        super().__init__()
        self._printed_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is printed."""
        key = (record.name, str(record.msg)[:_TEMPLATE_LENGTH])
        now = time.monotonic()
        if now - self._printed_at.get(key, float("-inf")) < REPEAT_SECONDS:
            return False
        if len(self._printed_at) >= MAX_TEMPLATES:
            self._printed_at.clear()
        self._printed_at[key] = now
        return True


class _LineWriter:
    """Writer of rollcall's own lines. A line that cannot be written is lost: nothing else may fail because of it."""

    def write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # a full disk, a reader that is gone, a name that is not UTF-8
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    debug = info = warning = error = critical = exception = write


def configure_logging(level: int = logging.INFO) -> None:
    """Send all log lines to standard output, one JSON object per line."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _describe_exception,
    ]
    as_json = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(  # rollcall's own lines do not pass through `logging`, which takes longer than all the rest
        processors=[*shared, as_json],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _LineWriter(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, as_json],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    kafka = logging.getLogger("aiokafka")
    kafka.setLevel(logging.WARNING)  # at debug level it prints keys and values
    handler.addFilter(_only_of("aiokafka", SeldomFilter()))


def _only_of(name: str, wrapped: logging.Filter) -> logging.Filter:
    """Return a filter that applies another filter to the loggers under one name only."""

    class Filter(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            return bool(wrapped.filter(record)) if record.name.startswith(name) else True

    return Filter()


def _describe_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its type and location. Its text may quote the data of a caller."""
    info = event.pop("exc_info", None)
    error = info[1] if isinstance(info, tuple) else info
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["fault"] = describe(error)
    return event


def describe(error: BaseException) -> Mapping[str, str]:
    """Return the type of an exception and its innermost frame, as file and line."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    location = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "unknown"
    return {"type": type(error).__name__, "at": location}
