"""Lookup of topics that callers name. Its memory is bounded, and so is the number of questions to Kafka.

Callers choose the names, so every call may bring another one. At most one question is open at a time, for many topics
at once, and the answers are kept for a short time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import islice

import structlog

EXISTING_SECONDS = 30.0
"""Time for which an existing topic is remembered, in seconds. The consumer looks again before it uses the topic."""
MISSING_SECONDS = 1.0
"""Time for which any other answer is remembered, in seconds. The caller may create the topic and try again."""
MAX_REMEMBERED = 1_000
"""Maximum number of existing topics, and of other topics, that are remembered. The oldest one is forgotten."""
MAX_QUESTION_TOPICS = 100
"""Maximum number of topics in one question to Kafka."""
PAUSE_SECONDS = 0.05
"""Pause between two questions to Kafka, in seconds."""
ANSWER_SECONDS = 2.0
"""Maximum time of a lookup, in seconds. After it, the topic counts as one that Kafka tells nothing about."""

AskKafka = Callable[[Sequence[str]], Awaitable[Mapping[str, bool]]]
"""Returns whether each topic exists. The topics that Kafka tells nothing about are absent. Raises any error."""

_log = structlog.get_logger()


class TopicLookup:
    """Tells whether topics exist."""

    def __init__(
        self,
        ask: AskKafka,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ask, self._monotonic, self._sleep = ask, monotonic, sleep
        self._existing = _Memory(EXISTING_SECONDS, monotonic)
        self._others = _Memory(MISSING_SECONDS, monotonic)
        self._waiting: dict[str, asyncio.Future[bool | None]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def exists(self, topic: str) -> bool | None:
        """Return whether a topic exists, or None if Kafka does not tell."""
        for memory in (self._existing, self._others):
            if topic in memory:
                return memory.answer(topic)
        if topic not in self._waiting:
            if len(self._waiting) >= MAX_REMEMBERED:
                return None
            self._waiting[topic] = asyncio.get_running_loop().create_future()
        waiting = self._waiting[topic]
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_for_all())
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await asyncio.shield(waiting)
        except TimeoutError:
            return None

    async def _ask_for_all(self) -> None:
        while self._waiting:
            topics = list(islice(self._waiting, MAX_QUESTION_TOPICS))
            answers = await self._ask_in_time(topics)
            for topic in topics:
                answer = answers.get(topic)
                (self._existing if answer else self._others).keep(topic, answer=answer)
                self._waiting.pop(topic).set_result(answer)
            await self._sleep(PAUSE_SECONDS)

    async def _ask_in_time(self, topics: Sequence[str]) -> Mapping[str, bool]:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._ask(topics)
        except Exception as error:  # noqa: BLE001  # whatever the client raises, calls must not wait for the answer
            _log.warning("topics not looked up", error=type(error).__name__, topics=len(topics))
            return {}


class _Memory:
    """Answers that are valid for some seconds. Existing topics do not compete with others for room."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds, self._monotonic = seconds, monotonic
        self._answers: dict[str, tuple[float, bool | None]] = {}
        """End of validity and answer by topic, the oldest one first."""

    def __contains__(self, topic: str) -> bool:
        return topic in self._answers and self._monotonic() < self._answers[topic][0]

    def __len__(self) -> int:
        return len(self._answers)

    def answer(self, topic: str) -> bool | None:
        """Return the answer for a topic that is in the memory."""
        return self._answers[topic][1]

    def keep(self, topic: str, *, answer: bool | None) -> None:
        """Remember an answer as the newest one."""
        self._answers.pop(topic, None)
        self._answers[topic] = self._monotonic() + self._seconds, answer
        if len(self._answers) > MAX_REMEMBERED:
            del self._answers[next(iter(self._answers))]
