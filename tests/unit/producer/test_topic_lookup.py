"""Lookup of topics that callers name: what is remembered, and what Kafka is asked."""

import asyncio
from collections.abc import Mapping, Sequence

from producer.kafka.topic_lookup import (
    EXISTING_SECONDS,
    MAX_QUESTION_TOPICS,
    MAX_REMEMBERED,
    MISSING_SECONDS,
    TopicLookup,
)
from tests.support.clock import ManualClock


class Kafka:
    """Answers questions, and counts them."""

    def __init__(self, *topics: str) -> None:
        self.topics, self.questions = set(topics), list[Sequence[str]]()
        self.open_questions = self.most_open_questions = 0
        self.is_broken = False

    async def ask(self, topics: Sequence[str]) -> Mapping[str, bool]:
        self.questions.append(topics)
        self.open_questions += 1
        self.most_open_questions = max(self.most_open_questions, self.open_questions)
        await asyncio.sleep(0)
        self.open_questions -= 1
        if self.is_broken:
            raise OSError
        return {topic: topic in self.topics for topic in topics if not topic.startswith("hidden")}


def a_lookup(kafka: Kafka, clock: ManualClock) -> TopicLookup:
    async def no_pause(seconds: float) -> None:
        assert seconds > 0
        await asyncio.sleep(0)

    return TopicLookup(kafka.ask, clock, no_pause)


async def test_kafka_is_asked_once_for_a_topic_that_exists() -> None:
    kafka, clock = Kafka("replies.shop"), ManualClock()
    lookup = a_lookup(kafka, clock)
    assert [await lookup.exists("replies.shop") for _ in range(100)] == [True] * 100
    assert len(kafka.questions) == 1
    clock.now += EXISTING_SECONDS
    kafka.topics.clear()
    assert await lookup.exists("replies.shop") is False


async def test_a_topic_that_is_created_later_is_found() -> None:
    kafka, clock = Kafka(), ManualClock()
    lookup = a_lookup(kafka, clock)
    assert [await lookup.exists("replies.shop") for _ in range(100)] == [False] * 100
    assert len(kafka.questions) == 1
    kafka.topics.add("replies.shop")
    clock.now += MISSING_SECONDS
    assert await lookup.exists("replies.shop") is True


async def test_without_an_answer_it_is_not_known_whether_a_topic_exists() -> None:
    kafka, clock = Kafka(), ManualClock()
    lookup = a_lookup(kafka, clock)
    assert await lookup.exists("hidden.topic") is None
    kafka.is_broken = True
    assert await lookup.exists("replies.shop") is None


async def test_calls_with_many_names_make_few_questions_and_one_at_a_time() -> None:
    kafka, clock = Kafka(), ManualClock()
    lookup = a_lookup(kafka, clock)
    answers = await asyncio.gather(*(lookup.exists(f"replies.{number}") for number in range(900)))
    assert not any(answers)
    assert len(kafka.questions) == 900 / MAX_QUESTION_TOPICS
    assert kafka.most_open_questions == 1


async def test_what_is_remembered_of_topics_is_bounded_and_names_that_do_not_exist_displace_none_that_do() -> None:
    kafka, clock = Kafka("replies.shop"), ManualClock()
    lookup = a_lookup(kafka, clock)
    assert await lookup.exists("replies.shop")
    for batch in range(5):
        await asyncio.gather(*(lookup.exists(f"replies.{batch}.{number}") for number in range(MAX_REMEMBERED // 2)))
    assert len(lookup._others) == MAX_REMEMBERED
    assert len(lookup._existing) == 1
    assert not lookup._waiting
    kafka.questions.clear()
    assert await lookup.exists("replies.shop")
    assert not kafka.questions
