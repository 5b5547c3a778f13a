"""Templates in the in-memory stack. The content of a request is decided once, by its first expansion at the latest."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from consumer.kafka.record import KafkaRecord
from core.ids import request_key, template_id
from core.send_result import Message
from schemas.statuses import Channel
from tests.flow.world import Killed, RecordingProvider, Steps, World

NUMBERS = [f"138000000{n:02d}" for n in range(30)]
KEY = request_key("t1", "r1")


def texts_of(book: RecordingProvider) -> list[str]:
    return [message.text for message in book.texts.values()]


async def put(
    world: World, content: str, subject: str | None = None, *, code: str = "verify", tenant: str = "t1"
) -> None:
    await world.ledger.templates.put(tenant, code, content, subject)


async def rejected(world: World, *recipients: object, **body: object) -> dict[str, object]:
    """Expand a record, and return its only rejection."""
    await world.expand(world.record(*recipients, **body))
    (event,) = world.events("request.rejected")
    assert await world.logs() == []
    return event


async def test_a_template_provides_the_content_and_its_id_is_in_the_logs() -> None:
    book = RecordingProvider()
    world = World(book)
    await put(world, "code {{code}} for {{name}}")
    recipients = [{"to": NUMBERS[0], "variables": {"code": "7"}}, NUMBERS[1]]

    await world.expand(world.record(*recipients, template="verify", variables={"code": "1", "name": "you"}))
    await world.deliver_all()

    assert sorted(texts_of(book)) == ["code 1 for you", "code 7 for you"]
    assert {log.template_id for log in await world.logs()} == {template_id("t1", "verify")}
    request = await world.ledger.requests.get(KEY)
    assert request is not None
    assert (request.header.template_id, request.header.template_version) == (template_id("t1", "verify"), 1)


@pytest.mark.parametrize("content", ["", None])
async def test_content_may_be_empty_or_null_beside_a_template(content: str | None) -> None:
    book = RecordingProvider()
    world = World(book)
    await put(world, "hello there")

    await world.expand(world.record(NUMBERS[0], content=content, template="verify"))
    await world.deliver_all()

    assert texts_of(book) == ["hello there"]


async def test_the_first_expansion_takes_the_newest_version_unless_one_is_named() -> None:
    book = RecordingProvider()
    world = World(book)
    await put(world, "old")
    await put(world, "new")

    await world.expand(world.record(NUMBERS[0], template="verify"))
    await world.deliver_all()

    assert texts_of(book) == ["new"]


async def test_a_request_keeps_the_version_it_was_accepted_with() -> None:
    book = RecordingProvider()
    world = World(book)
    await put(world, "old")
    record = world.record(NUMBERS[0], template="verify", template_version=1)
    await put(world, "new")

    await world.expand(record)
    await world.deliver_all()

    assert texts_of(book) == ["old"]


@pytest.mark.parametrize("versions", [(None, None), (1, 2)], ids=["bare", "with versions"])
async def test_a_template_update_between_two_parts_does_not_change_the_second_part(
    versions: tuple[int | None, int | None],
) -> None:
    book = RecordingProvider()
    world = World(book)
    await put(world, "old {{code}}")
    parts = [
        world.record(
            NUMBERS[n], template="verify", template_version=versions[n], variables={"code": "1"}, part=n, last=n == 1
        )
        for n in (0, 1)
    ]

    await world.expand(parts[0])
    await put(world, "new {{other}}")
    await world.expand(parts[1])
    await world.deliver_all()

    assert texts_of(book) == ["old 1", "old 1"]
    assert await world.outcomes() == [("sent", None)] * 2
    assert world.events("request.rejected") == []


async def test_a_template_update_between_two_expansions_of_a_record_changes_nothing() -> None:
    """The first expansion is killed after each of its steps in turn."""
    killed_at = 0
    while True:
        book = RecordingProvider()
        world = World(book)
        await put(world, "old {{code}}")
        record = world.record(*NUMBERS[:9], template="verify", variables={"code": "1"})
        if not await world.run_until_killed(world.expand(record, world.context(Steps(killed_at)))):
            break
        begun = await world.ledger.requests.get(KEY) is not None
        await put(world, "new {{other}}", "with a subject")
        await world.expand(record)
        await world.deliver_all()

        expected = [("sent", None)] * 9 if begun else [("failed", "missing_variable")] * 9
        assert await world.outcomes() == expected, killed_at
        assert set(texts_of(book)) == ({"old 1"} if begun else set())
        killed_at += 1
    assert killed_at > 8


async def test_two_concurrent_first_expansions_use_one_text() -> None:
    """Both have read the template, one of them after an update. That one registers the request and dies."""
    book = RecordingProvider()
    world = World(book)
    await put(world, "old {{other}}")
    record = world.record(*NUMBERS[:9], template="verify", variables={"code": "1"})
    overtaken = Overtaken(world, record)

    await world.expand(record, world.context(overtaken))
    await world.deliver_all()

    assert overtaken.by_another
    assert set(texts_of(book)) == {"new 1"}
    assert await world.outcomes() == [("sent", None)] * 9


async def test_the_same_record_with_another_version_is_no_conflict() -> None:
    book = RecordingProvider()
    world = World(book)
    await put(world, "old")
    await put(world, "new")

    for version in (1, 2, None):
        await world.expand(world.record(NUMBERS[0], template="verify", template_version=version))
    await world.deliver_all()

    assert texts_of(book) == ["old"]
    assert world.events("request.rejected") == []


async def test_the_same_request_with_another_template_is_a_conflict() -> None:
    world = World()
    await put(world, "hello")
    await world.expand(world.record(NUMBERS[0], template="verify"))

    for other in ("other", "unknown"):
        await world.expand(world.record(NUMBERS[0], template=other))

    assert {event["reason"] for event in world.events("request.rejected")} == {"request_conflict"}


@pytest.mark.parametrize("version", [None, 2], ids=["unknown code", "unknown version"])
async def test_an_unknown_template_is_rejected(version: int | None) -> None:
    world = World()
    await put(world, "hello", code="verify" if version else "other")
    await put(world, "theirs", tenant="t2")
    if version:
        await put(world, "theirs, again", tenant="t2")

    event = await rejected(world, NUMBERS[0], template="verify", template_version=version)

    assert (event["reason"], event["fields"]) == ("unknown_template", ["template"])
    assert await world.ledger.requests.get(KEY) is None


async def test_a_version_without_a_template_is_rejected() -> None:
    event = await rejected(World(), NUMBERS[0], template_version=1)

    assert (event["reason"], event["fields"]) == ("invalid_schema", ["template_version"])


async def test_only_recipients_without_a_variable_of_the_template_fail() -> None:
    book = RecordingProvider()
    world = World(book)
    await put(world, "code {{code}}")

    await world.expand(
        world.record(
            NUMBERS[0], {"to": NUMBERS[1], "variables": {"code": "7"}}, content="no variable", template="verify"
        )
    )
    await world.deliver_all()

    assert await world.outcomes() == [("failed", "missing_variable"), ("sent", None)]
    assert texts_of(book) == ["code 7"]


async def test_an_invalid_template_is_rejected_by_field_name() -> None:
    world = World()
    await put(world, "{{not-a-name?}}")

    event = await rejected(world, NUMBERS[0], template="verify")

    assert (event["reason"], event["fields"]) == ("invalid_content", ["template"])


@pytest.mark.parametrize(
    ("of_template", "of_body", "expected"),
    [("for {{name}}", None, "for you"), ("for {{name}}", "to {{name}}", "to you"), (None, "to {{name}}", "to you")],
)
async def test_the_subject_of_a_request_overrides_that_of_the_template(
    of_template: str | None, of_body: str | None, expected: str
) -> None:
    (message,) = await mail(of_template, subject=of_body)

    assert (message.subject, message.text, message.is_html) == (expected, "<p>&lt;you&gt;</p>", True)


async def test_a_mail_without_any_subject_is_rejected_by_field_name() -> None:
    world = World()
    await put(world, "hello")

    event = await rejected(world, "a@example.com", channel="email", content="", template="verify")

    assert (event["reason"], event["fields"]) == ("invalid_schema", ["subject"])


async def test_an_sms_ignores_the_subject_of_its_template() -> None:
    world = World(RecordingProvider())
    await put(world, "hello", "for {{nobody}}")

    await world.expand(world.record(NUMBERS[0], template="verify"))
    await world.deliver_all()

    assert await world.outcomes() == [("sent", None)]


async def mail(of_template: str | None, **body: object) -> list[Message]:
    """Return the mails of a request to one recipient with an HTML template."""
    book = RecordingProvider("post", Channel.EMAIL)
    world = World(book)
    await put(world, "<p>{{html}}</p>", of_template)
    variables = {"name": "you", "html": "<you>"}
    record = world.record("a@example.com", channel="email", template="verify", variables=variables, **body)
    await world.expand(record)
    await world.deliver_all()
    return list(book.texts.values())


class Overtaken(Steps):
    """A process that another one overtakes right before it registers. The other uses a newer version and dies."""

    def __init__(self, world: World, record: KafkaRecord) -> None:
        super().__init__()
        self._world, self._record, self.by_another = world, record, False

    async def step(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        if name == "requests.register_part" and not self.by_another:
            await put(self._world, "new {{code}}")
            other = self._world.context(DiesOnceBegun())
            self.by_another = await self._world.run_until_killed(self._world.expand(self._record, other))
        return await super().step(name, call)


class DiesOnceBegun(Steps):
    """A process that dies after it registered a request, before any chunk."""

    async def step(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        answer = await super().step(name, call)
        if name == "requests.register_part":
            raise Killed
        return answer
