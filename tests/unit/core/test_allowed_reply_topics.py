"""Rule for the topics that results may be published to."""

import pytest

from core import allowed_reply_topics as reply_topics
from schemas.topic_definitions import Topics

TOPICS = Topics()
OTHERS = [spec.name for spec in TOPICS.specs() if spec.name != TOPICS.results]


@pytest.mark.parametrize("patterns", [(), ("shop.*",)])
def test_the_default_topic_is_always_allowed(patterns: tuple[str, ...]) -> None:
    assert reply_topics.is_allowed(TOPICS.results, patterns, TOPICS)


@pytest.mark.parametrize(
    ("topic", "fits"),
    [
        ("shop.results", True),
        ("shop.results.eu", True),
        ("shop.resultsX", False),
        ("Shop.results", False),
        ("billing", True),
        ("billing2", False),
    ],
)
def test_another_topic_has_to_match_a_pattern(topic: str, fits: bool) -> None:  # noqa: FBT001  # a parameter of the test
    assert reply_topics.is_allowed(topic, ("shop.results", "shop.results.*", "billing"), TOPICS) is fits


@pytest.mark.parametrize("topic", OTHERS)
def test_no_pattern_opens_another_topic_of_rollcall(topic: str) -> None:
    assert not reply_topics.is_allowed(topic, ("*", topic), TOPICS)


def test_topics_of_another_installation_are_ordinary_topics() -> None:
    assert reply_topics.is_allowed(Topics("other").requests, ("other.*",), TOPICS)
    assert reply_topics.is_allowed(TOPICS.requests, ("communication.*",), Topics("other"))
