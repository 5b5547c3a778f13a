"""Kind `smtp`: the table of replies."""

from collections.abc import AsyncIterator

import pytest

from core.send_result import Retry, SendResult, Sent
from schemas.statuses import Reason
from tests.contract.providers.servers import MailServer
from tests.contract.providers.test_provider_smtp import ask, later, refused, uncertain


@pytest.fixture(params=[False, True], ids=["one by one", "pipelined"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[MailServer]:
    peer = MailServer({}, pipelining=request.param)
    async with peer.running():
        yield peer


def login(error: str) -> Retry:
    return Retry(Reason.PROVIDER_REJECTED_CREDENTIALS, error)


def wait(error: str) -> Retry:
    return Retry(Reason.RATE_LIMITED, error)


@pytest.mark.parametrize(
    ("command", "reply", "expected"),
    [
        ("greeting", "421 4.3.2 too many of you", wait("connecting: SMTP 421")),
        ("greeting", "432 4.3.2 too many connections", wait("connecting: SMTP 432")),
        ("greeting", "450 4.7.1 who are you", later("connecting: SMTP 450")),
        ("greeting", "554 no mail here", later("connecting: SMTP 554")),
        ("greeting", "SSH-2.0", later("connecting: unexpected answer")),
        ("EHLO", "502 what", later("EHLO: SMTP 502")),
        ("EHLO", "421 4.7.0 too many connections", wait("EHLO: SMTP 421")),
        ("MAIL", "421 4.3.2 bye", later("SMTP 421 4.3.2 to MAIL")),
        ("MAIL", "451 local error", later("SMTP 451 to MAIL")),
        ("MAIL", "550 5.7.1 not you", refused("SMTP 550 5.7.1 to MAIL")),
        ("MAIL", "hm", later("MAIL: unexpected answer")),
        ("MAIL", "432 4.3.2 too many connections", wait("SMTP 432 4.3.2 to MAIL")),
        ("MAIL", "432 4.7.12 password expired", login("SMTP 432 4.7.12 to MAIL")),
        ("MAIL", "503 5.5.1 EHLO first", later("SMTP 503 5.5.1 to MAIL")),
        ("MAIL", "502 5.5.1 not here", later("SMTP 502 5.5.1 to MAIL")),
        ("MAIL", "553 5.1.8 sender domain unknown", later("SMTP 553 5.1.8 to MAIL")),
        ("dot", "550 5.7.26 your domain has no DMARC", later("SMTP 550 5.7.26 to end of data")),
        ("dot", "500 line too long", refused("SMTP 500 to end of data")),
        ("MAIL", "530 5.7.0 authentication required", login("SMTP 530 5.7.0 to MAIL")),
        ("MAIL", "550 5.7.57 not authenticated", login("SMTP 550 5.7.57 to MAIL")),
        ("RCPT", "535 5.7.8 login expired", login("SMTP 535 5.7.8 to RCPT")),
        ("RCPT", "550 5.7.1 relaying denied", later("SMTP 550 5.7.1 to RCPT")),
        ("RCPT", "554 5.7.1 <somebody@example.com>: Relay access denied", later("SMTP 554 5.7.1 to RCPT")),
        ("RCPT", "554 5.7.1 <unknown[10.0.0.1]>: Client host rejected", later("SMTP 554 5.7.1 to RCPT")),
        ("RCPT", "550 relay not permitted", later("SMTP 550 to RCPT")),
        ("RCPT", "550 5.7.54 SMTP; Unable to relay recipient", later("SMTP 550 5.7.54 to RCPT")),
        ("MAIL", "550 5.7.1 Client was not authenticated", later("SMTP 550 5.7.1 to MAIL")),
        ("MAIL", "550-5.7.1 Sorry\r\n550 5.7.1 Authentication is required for relay", later("SMTP 550 5.7.1 to MAIL")),
        ("RCPT", "550 5.7.1 blocked by policy", refused("SMTP 550 5.7.1 to RCPT")),
        ("RCPT", "550 5.1.1 <relay@example.com>: no such user", refused("SMTP 550 5.1.1 to RCPT")),
        ("RCPT", "550 5.1.1 relaying denied", refused("SMTP 550 5.1.1 to RCPT")),
        ("DATA", "538 encryption needed", login("SMTP 538 to DATA")),
        ("dot", "530 authentication required", login("SMTP 530 to end of data")),
        ("RCPT", "450 4.2.1 busy", later("SMTP 450 4.2.1 to RCPT")),
        ("RCPT", "452 full", later("SMTP 452 to RCPT")),
        ("RCPT", "550-5.1.1 nobody\r\n550 5.1.1 really", refused("SMTP 550 5.1.1 to RCPT")),
        ("RCPT", "251 forwarded", Sent("log_1@example.org", "SMTP 250 2.0.0")),
        ("RCPT", "999 hm", later("RCPT: unexpected answer")),
        ("DATA", "451 later", later("SMTP 451 to DATA")),
        ("DATA", "554 5.5.1 no valid recipients", refused("SMTP 554 5.5.1 to DATA")),
        ("DATA", "250 ok", later("DATA: unexpected answer")),
        ("dot", "452 4.3.1 disk full", later("SMTP 452 4.3.1 to end of data")),
        ("dot", "421 bye", later("SMTP 421 to end of data")),
        ("dot", "554 5.7.1 spam for somebody@example.com", refused("SMTP 554 5.7.1 to end of data")),
        ("dot", "250 5.1.1somebody@example.com", Sent("log_1@example.org", "SMTP 250")),
        ("dot", "hm", uncertain("end of data: unexpected answer")),
        ("dot", "777 hm", uncertain("end of data: unexpected answer")),
        ("dot", "354 go on", uncertain("end of data: unexpected answer")),
    ],
)
async def test_each_reply_has_its_answer(server: MailServer, command: str, reply: str, expected: SendResult) -> None:
    server.replies[command] = reply

    assert await ask(server) == expected
