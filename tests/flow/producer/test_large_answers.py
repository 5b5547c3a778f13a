"""Answers with long texts: a page of them has a bounded size, and the answer with one delivery has its whole text."""

from collections.abc import AsyncIterator

import pytest

from producer.read.shown_text import MAX_SHOWN_BYTES, MAX_SHOWN_BYTES_WAITING
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.support.service import a_token

LONG = "<p>你好 {{name}}</p>" + "x" * 100_000
ITEM_BYTES = 2_000
"""More than an item takes without its text."""


def a_mail(recipients: int, content: str = LONG) -> dict[str, object]:
    many = [{"to": f"a{number}@example.com", "variables": {"name": f"Wei {number}"}} for number in range(recipients)]
    return {"channel": "email", "subject": "Hi", "content": content, "recipients": many}


@pytest.fixture
async def whole() -> AsyncIterator[ServiceAndConsumer]:
    async with ServiceAndConsumer() as made:
        yield made


@pytest.mark.parametrize(
    ("preferences", "limit"), [({}, MAX_SHOWN_BYTES), ({"Prefer": "wait=0"}, MAX_SHOWN_BYTES_WAITING)]
)
async def test_an_accepted_page_of_long_texts_is_bounded(
    whole: ServiceAndConsumer, preferences: dict[str, str], limit: int
) -> None:
    answer = await whole.send(a_mail(100), "?page_size=100", **preferences)
    assert answer.status_code == 200
    assert limit * 0.9 < len(answer.content) < limit + 100 * ITEM_BYTES
    for number, item in enumerate(answer.json()["items"]):
        assert item["content_shortened"] is True
        assert item["content"].startswith(f"<p>你好 Wei {number}</p>xxx")
        assert item["content"].endswith("x…")


async def test_a_listed_page_of_long_texts_is_bounded_and_one_delivery_has_its_whole_text(
    whole: ServiceAndConsumer,
) -> None:
    await whole.send(a_mail(100))
    await whole.consume()
    reader = a_token("communication:read")
    listed = await whole.service.get("/communication/logs?page_size=100", reader)
    assert len(listed.json()["items"]) == 100
    assert MAX_SHOWN_BYTES * 0.9 < len(listed.content) < MAX_SHOWN_BYTES + 100 * ITEM_BYTES
    first = listed.json()["items"][0]
    assert first["content_shortened"] is True
    (one,) = [(await whole.service.get(f"/communication/logs/{first['id']}", reader)).json()]
    assert one["content"] == LONG.replace("{{name}}", "Wei 0")
    assert "content_shortened" not in one


async def test_the_texts_of_a_small_page_are_whole(whole: ServiceAndConsumer) -> None:
    answer = await whole.send(a_mail(3))
    assert [len(item["content"]) for item in answer.json()["items"]] == [len(LONG) - len("{{name}}") + 5] * 3
    assert not any("content_shortened" in item for item in answer.json()["items"])
