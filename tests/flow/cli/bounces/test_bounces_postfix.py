"""The whole way with a real Postfix: it takes a mail, cannot deliver it, and brings its report over LMTP."""

from cli.bounces.lmtp_server import LmtpAddress, lmtp_server
from cli.bounces.notes import Notes
from core.send_result import Sent
from schemas.receipts import Receipt, ReceiptClass, ReceiptStatus
from tests.contract.providers.postfix import running_postfix
from tests.contract.providers.servers import Act, MailServer
from tests.contract.providers.test_provider_smtp import a_message, a_provider
from tests.flow.cli.bounces.producers import MemoryProducer, a_reader
from tests.support.drafts import send_all
from tests.support.polling import wait_until
from tests.unit.providers.bounces.sample_bounces import KEY

IDS = [f"log_0123456789abcdefghjkmnpqrs{number:09x}" for number in range(4)]
SETTINGS = """
smtpd_client_restrictions =
transport_maps = inline:{{
    {{ example.org = smtp:[127.0.0.1]:{smtp_port} }},
    {{ bounces.example = lmtp:inet:127.0.0.1:{lmtp_port} }} }}
"""
"""Ways to the mail server of the recipients, and to the one of the bounces."""
SERVICES = """
bounce unix - - n - 0 bounce
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
"""
"""Services that deliver, and that write reports (https://www.postfix.org/master.5.html)."""


async def test_a_mail_that_postfix_cannot_deliver_comes_back_as_a_receipt() -> None:
    producer = MemoryProducer()
    mails = [
        a_message(IDS[0], to="ann@example.org"),
        a_message(IDS[1], to="bob@example.org"),
        a_message(IDS[2], to="ann@example.org", cc=("bob@example.org",)),
        a_message(IDS[3], to="bob@example.org", cc=("ann@example.org",)),
    ]
    reader, peer = a_reader(producer), MailServer({"ann@example.org": Act.REFUSE})
    async with lmtp_server(reader, Notes(), LmtpAddress("127.0.0.1", 0)) as port, peer.running():
        with running_postfix(SETTINGS.format(smtp_port=peer.port, lmtp_port=port), SERVICES) as server:
            provider = a_provider(server, return_path="bounces@bounces.example", bounce_key=KEY)
            results = await send_all(provider, *mails)
            await provider.aclose()
            await wait_until(lambda: reader.counts.total() >= 3, seconds=60)

    assert [type(result) for result in results] == [Sent] * 4
    assert {receipt.delivery_id: outcome(receipt) for _, receipt in producer.records} == {
        IDS[0]: (ReceiptStatus.FAILED, "5.1.1", ReceiptClass.HARD_BOUNCE),
        IDS[2]: (ReceiptStatus.FAILED, "5.1.1", ReceiptClass.HARD_BOUNCE),
    }
    assert dict(reader.counts) == {"receipts": 2, "unsigned": 1}  # the last report is about a copy


def outcome(receipt: Receipt) -> tuple[ReceiptStatus, str | None, ReceiptClass | None]:
    return receipt.status, receipt.code, receipt.receipt_class
