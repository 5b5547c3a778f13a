"""Log lines for a process that is no longer ready, and for one that is ready again."""

from collections.abc import Mapping

from consumer.logger import logger


class ReadinessLog:
    """Logs each change of the problems that make the process not ready. A process that starts is not ready yet."""

    def __init__(self) -> None:
        self._was_ready = False
        self._logged: frozenset[str] = frozenset()
        """Names of the problems in the last line."""

    def update(self, problems: Mapping[str, str | None]) -> None:
        """Log if the process has lost its readiness, has it again, or has other problems now."""
        current = {name: problem for name, problem in problems.items() if problem}
        if not self._was_ready and not self._logged:
            self._was_ready = not current
        elif current.keys() != self._logged:
            if current:
                reason = ". ".join(f"{name}: {problem}" for name, problem in current.items())
                logger.warning("readiness lost", reason=reason)
            else:
                logger.info("readiness regained")
            self._logged = frozenset(current)
