"""E-mail reaches a real mail server, and what arrives there says what was asked for."""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from devstack import Stack
from tests.e2e.caller import Results, publish, reading
from tests.e2e.consumer.mail_server import MARK, MailServer, running_mail_server
from tests.e2e.reconciliation import Fate, assert_balanced, fates, roll
from tests.e2e.sample_recipients import TENANT
from tests.support.deployment import Deployment, a_deployment

HTML = """<!DOCTYPE html><html><head><title>News</title></head><body>
<h1>Dear {{name}}</h1><p>Your <b>{{gift}}</b> waits at <a href="https://example.org/g">the counter</a>.</p>
</body></html>"""


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[MailServer, int]]:
    with running_mail_server() as running:
        yield running


@pytest.fixture(scope="module")
def deployment(
    stack: Stack, server: tuple[MailServer, int], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    post = {
        "name": "post",
        "kind": "smtp",
        "sender": "Rollcall <news@example.org>",
        "host": "127.0.0.1",
        "port": server[1],
        "tls": "none",
        "list_unsubscribe": "https://example.org/unsubscribe?reader={{name}}",
    }
    with (
        a_deployment(stack, tmp_path_factory.mktemp("mail"), PROVIDERS=[post], CHUNK_SIZE=40) as deployment,
        deployment.service("consumer"),
    ):
        yield deployment


def a_mailing(recipients: list[Any], **fields: Any) -> dict[str, Any]:
    return {
        "channel": "email",
        "subject": "{{name}}, ein Gruß: 您的{{gift}}",
        "content": HTML,
        "recipients": recipients,
        "variables": {"gift": "cup & saucer"},
        "tenant_id": TENANT,
        "request_id": uuid4().hex,
        **fields,
    }


def a_reader(local: str, name: str, domain: str = "example.com") -> dict[str, Any]:
    return {"to": f"{MARK}{local}@{domain}", "variables": {"name": name}}


async def test_each_mail_arrives_once_and_says_what_was_asked_for(
    deployment: Deployment, server: tuple[MailServer, int]
) -> None:
    handler, _ = server
    recipients = [a_reader(f"-{index}", f"N° {index} <b>") for index in range(100)]
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        request = a_mailing(recipients)
        await publish(deployment.bootstrap, deployment.topics.requests, request, key=request["request_id"])
        completed = await results.completed(request["request_id"])
        assert completed.by_status == {"sent": 100}
        await assert_balanced(deployment, results, completed, total=100)
        logs = roll(deployment, completed.request_id)
        assert MARK.encode() not in results.bytes() + deployment.said()
    mails = handler.mails()
    assert mails.keys() >= {recipient["to"] for recipient in recipients}
    for index, recipient in enumerate(recipients):
        mail, log = mails[recipient["to"]], logs[0, index]
        assert mail["Message-ID"] == f"<{log['_id']}@example.org>"
        assert mail["To"] == recipient["to"]
        assert mail["From"] == "Rollcall <news@example.org>"
        assert mail["Subject"] == f"N° {index} <b>, ein Gruß: 您的cup & saucer"
        reader = quote(recipient["variables"]["name"], safe="")
        assert mail["List-Unsubscribe"] == f"<https://example.org/unsubscribe?reader={reader}>"
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert abs((parsedate_to_datetime(mail["Date"]) - log["sent_at"]).total_seconds()) < 60
        assert log["recipient"] == "z***@example.com"
        text, html = mail.get_body(("plain",)), mail.get_body(("html",))
        assert mail.get_content_type() == "multipart/alternative"
        assert text is not None
        assert html is not None
        assert f"<h1>Dear N° {index} &lt;b&gt;</h1>" in html.get_content()
        assert "<b>cup &amp; saucer</b>" in html.get_content()
        assert f"Dear N° {index} <b>" in text.get_content()
        assert "https://example.org/g" in text.get_content()


async def test_a_plain_mail_is_plain(deployment: Deployment, server: tuple[MailServer, int]) -> None:
    recipients = [a_reader("-plain", "Ann"), a_reader("-dots", "Bob")]
    content = "Dear {{name}},\n.\n.a line that begins with a dot, and 1 < 2 & 2 > 1\n"
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        request = a_mailing(recipients, content=content, subject="Plain")
        await publish(deployment.bootstrap, deployment.topics.requests_express, request, key=request["request_id"])
        completed = await results.completed(request["request_id"])
        assert completed.by_status == {"sent": 2}
    for recipient in recipients:
        mail = server[0].mails()[recipient["to"]]
        assert mail.get_content_type() == "text/plain"
        said = content.replace("{{name}}", recipient["variables"]["name"])
        assert mail.get_content().replace("\r\n", "\n") == said


async def test_copies_go_out_with_the_mail_and_no_log_or_event_shows_them(
    deployment: Deployment, server: tuple[MailServer, int]
) -> None:
    reader = a_reader("-with-copies", "Ann")
    copies = [f"{MARK}-copy@example.com", f"{MARK}-gone-copy@example.com"]
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        request = a_mailing([reader], cc=copies, reply_to=f"Help <{MARK}-help@example.com>")
        await publish(deployment.bootstrap, deployment.topics.requests_express, request, key=request["request_id"])
        completed = await results.completed(request["request_id"])
        assert completed.by_status == {"sent": 1}
        assert MARK.encode() not in results.bytes() + deployment.said()
    log = roll(deployment, completed.request_id)[0, 0]
    assert log["response"] == "SMTP 250, 1 of 2 CC refused"
    assert MARK not in str(log)
    (envelope,) = [to for to, _ in server[0].taken if to[0] == reader["to"]]
    assert envelope == [reader["to"], copies[0]]
    mail = server[0].mails()[reader["to"]]
    assert (mail["Cc"], mail["Reply-To"]) == (", ".join(copies), f"Help <{MARK}-help@example.com>")


@pytest.mark.parametrize(("category", "by_status"), [("marketing", {"failed": 1}), ("transactional", {"sent": 1})])
async def test_only_marketing_needs_every_variable_of_the_unsubscribe_uri(
    deployment: Deployment, server: tuple[MailServer, int], category: str, by_status: dict[str, int]
) -> None:
    reader = f"{MARK}-{category}@example.com"
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        request = a_mailing([reader], subject="Hi", content="Hello", category=category)
        await publish(deployment.bootstrap, deployment.topics.requests_express, request, key=request["request_id"])
        completed = await results.completed(request["request_id"])
    assert completed.by_status == by_status
    log = roll(deployment, completed.request_id)[0, 0]
    if category == "marketing":
        assert (log["reason"], log["error"]) == ("missing_variable", "list_unsubscribe: missing variable: name")
        assert reader not in server[0].mails()
    else:
        assert server[0].mails()[reader]["List-Unsubscribe"] is None


async def test_what_the_server_refuses_fails_alone_and_what_it_puts_off_is_tried_again(deployment: Deployment) -> None:
    recipients = [
        a_reader("-good", "A"),
        a_reader("-gone", "B"),
        a_reader("-busy", "C"),
        {"to": "no address", "variables": {"name": "D"}},
        a_reader("-good", "E", "EXAMPLE.COM"),
        {"to": f"{MARK}-nameless@example.com"},
        a_reader("-evil", "F\r\nBcc: eve@example.com"),
        {"to": f"{MARK}-x@example.com\r\nBcc: eve@example.com", "variables": {"name": "G"}},
    ]
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        request = a_mailing(recipients)
        await publish(deployment.bootstrap, deployment.topics.requests, request, key=request["request_id"])
        completed = await results.completed(request["request_id"])
        await assert_balanced(deployment, results, completed, total=len(recipients))
        found = fates(roll(deployment, completed.request_id))
    assert [found[0, index] for index in range(len(recipients))] == [
        Fate("sent", None, "z***@example.com", 1, "post"),
        Fate("failed", "rejected", "z***@example.com", 1, "post"),
        Fate("sent", None, "z***@example.com", 2, "post"),
        Fate("failed", "invalid_recipient", "n***s", 0, None),
        Fate("suppressed", "duplicate", "z***@example.com", 0, None),
        Fate("failed", "missing_variable", "z***@example.com", 0, None),
        Fate("failed", "invalid_content", "z***@example.com", 0, None),
        Fate("failed", "invalid_recipient", "z***m", 0, None),
    ]
