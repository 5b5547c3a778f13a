"""Rule for the topics that the results of a request may be published to."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from schemas.topic_definitions import Topics


def is_allowed(topic: str, patterns: Sequence[str], topics: Topics) -> bool:
    """Return whether results may be published to a topic.

    The default results topic is always allowed. Any other topic has to match one of the patterns. A pattern as wide as
    `*` does not open the other topics of rollcall, because results would come back as requests.
    """
    if topic == topics.results:
        return True
    own = {spec.name for spec in topics.specs()}
    return topic not in own and any(fnmatchcase(topic, pattern) for pattern in patterns)
