"""Category and variables of a delivery on their way to the List-Unsubscribe of a provider."""

import pytest

from providers.smtp import SmtpEntry, SmtpProvider
from schemas.statuses import Category, Channel, Reason, Status
from tests.contract.providers.servers import MailServer
from tests.flow.world import RecordingProvider, World

MAIL = {"channel": "email", "subject": "Hi", "content": "Hello"}
ANNA = {"to": "anna@example.com", "variables": {"id": "17"}}


@pytest.mark.parametrize("category", Category)
async def test_the_provider_gets_the_category_and_tells_own_variables_from_shared_ones(category: Category) -> None:
    post = RecordingProvider("post", Channel.EMAIL)
    world = World(post)
    await world.expand(world.record(ANNA, "ben@example.com", **MAIL, category=category.value, variables={"id": "0"}))
    await world.deliver_all()
    given = {message.to: (message.category, message.variables) for message in post.texts.values()}
    assert given == {"anna@example.com": (category, {"id": "17"}), "ben@example.com": (category, {})}
    assert {message.request_variables["id"] for message in post.texts.values()} == {"0"}


async def test_marketing_to_a_recipient_without_a_variable_of_the_uri_fails_and_names_it() -> None:
    server = MailServer({})
    async with server.running():
        entry = {"name": "post", "kind": "smtp", "host": "127.0.0.1", "port": server.port, "tls": "none"}
        unsubscribe = {"sender": "us@example.org", "list_unsubscribe": "https://x.example/u?id={{id}}"}
        post = SmtpProvider(SmtpEntry.model_validate({**entry, **unsubscribe}))
        world = World(post)  # type: ignore[arg-type]  # it does not record
        await world.expand(world.record("ben@example.com", **MAIL, category="marketing"))
        await world.deliver_all()
        await post.aclose()
    (log,) = await world.logs()
    assert (log.status, log.reason) == (Status.FAILED, Reason.MISSING_VARIABLE)
    assert (log.error, log.provider) == ("list_unsubscribe: missing variable: id", "post")
    (event,) = world.events("delivery.failed")
    assert event["reason"] == "missing_variable"
    assert server.mails == []
