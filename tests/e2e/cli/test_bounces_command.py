"""`rollcall bounces` as a process on a real Kafka: bounces of e-mails that a real consumer sent become receipts."""

import json
import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from devstack import Stack
from devstack.processes import Child, free_port, wait_until_ready
from devstack.services import start_service
from schemas.receipts import Receipt, ReceiptClass, ReceiptStatus
from tests.e2e.fixed_requests.dump import read_all
from tests.support.deployment import Deployment, Document, a_deployment
from tests.support.polling import wait_until
from tests.unit.providers.bounces.sample_bounces import KEY, SIGNED, a_complaint, a_report

TENANT = ["--tenant", "tnt_bounces"]
PEOPLE = ("ann@example.org", "bob@example.org", "carol@example.org", "dave@example.org")


class MailExchange:
    """Mail server that takes everything, and remembers the envelope sender of each recipient."""

    def __init__(self) -> None:
        self.senders: dict[str, str] = {}

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.senders[envelope.rcpt_tos[0]] = str(envelope.mail_from)
        return "250 2.0.0 taken"


@pytest.fixture(scope="module")
def exchange() -> Iterator[tuple[MailExchange, int]]:
    handler, port = MailExchange(), free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


@pytest.fixture
def deployment(stack: Stack, exchange: tuple[MailExchange, int], tmp_path: Path) -> Iterator[Deployment]:
    post = {"name": "post", "kind": "smtp", "sender": "us@example.com", "host": "127.0.0.1", "port": exchange[1]}
    bounces = {"return_path": "bounces@example.com", "bounce_key": KEY}
    receipts = [{"kind": "smtp", "provider": "post", "bounce_key": KEY}]
    with a_deployment(stack, tmp_path, PROVIDERS=[{**post, "tls": "none", **bounces}], RECEIPTS=receipts) as running:
        yield running


@contextmanager
def running_bounces(deployment: Deployment, *options: str) -> Iterator[tuple[Child, dict[str, str]]]:
    """Run the command until the end of the block, and yield its first line."""
    log = deployment.folder / "bounces.log"
    with start_service(["rollcall", "bounces", *options], deployment.env, log=log) as child:
        wait_until_ready(child, lambda: log.read_text().endswith("\n"), what="the command", deadline_seconds=30)
        yield child, json.loads(log.read_text().splitlines()[0])


def logs(deployment: Deployment) -> dict[str, Document]:
    """Return the logs by their reference."""
    return {log["reference"]: log for log in deployment.database["communication_logs"].find()}


async def published(deployment: Deployment) -> list[tuple[str, Receipt]]:
    """Return the keys and the receipts on the topic."""
    records = await read_all(deployment.bootstrap, [deployment.topics.receipts])
    return [(record.key.decode(), Receipt.model_validate_json(record.value)) for record in records]


@pytest.mark.durable
async def test_bounces_of_sent_mails_become_receipts_of_their_deliveries(
    deployment: Deployment, exchange: tuple[MailExchange, int], tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text("\n".join(["to,reference", *(f"{person},{person}" for person in PEOPLE), ""]))
    request = ["--channel", "email", "--subject", "Hi", "--content", "Hello", *TENANT]
    with deployment.service("consumer"), running_bounces(deployment, "--lmtp", "0") as (child, ready):
        done = deployment.rollcall("send", str(file), *request)
        assert done.exit_code == 0, done.output
        senders = exchange[0].senders
        host, _, port = ready["lmtp"].rpartition(":")
        with smtplib.LMTP(host, int(port)) as lmtp:
            for to, content in {
                senders[PEOPLE[0]]: a_report(to="us@example.com"),
                senders[PEOPLE[1]]: a_report("Action: delivered\nStatus: 2.0.0"),
                "fbl@example.com": a_complaint(original=senders[PEOPLE[2]]),
                senders[PEOPLE[3]].replace(".", "x", 1): a_report(to="us@example.com"),
            }.items():
                assert lmtp.sendmail("", to, content) == {}
        child.stop()
        await wait_until(lambda: logs(deployment)[PEOPLE[2]].get("receipt_code") == "abuse", seconds=60)
        await wait_until(lambda: logs(deployment)[PEOPLE[0]]["status"] != "sent", seconds=60)
        lines = [json.loads(line) for line in (deployment.folder / "bounces.log").read_text().splitlines()]
    settled = logs(deployment)
    ids = {reference: log["_id"] for reference, log in settled.items()}
    found = {key: (receipt.status, receipt.code, receipt.receipt_class) for key, receipt in await published(deployment)}

    assert len(ids) == 4
    assert found == {
        ids[PEOPLE[0]]: (ReceiptStatus.FAILED, "5.1.1", ReceiptClass.HARD_BOUNCE),
        ids[PEOPLE[1]]: (ReceiptStatus.DELIVERED, "2.0.0", None),
        ids[PEOPLE[2]]: (ReceiptStatus.DELIVERED, "abuse", ReceiptClass.COMPLAINT),
    }
    assert [settled[person]["status"] for person in PEOPLE] == ["failed", "delivered", "delivered", "sent"]
    assert lines[1:] == [{"event": "bounces read", "receipts": 3, "unsigned": 1, "other": 0}]
    assert b"example.org" not in (deployment.folder / "bounces.log").read_bytes()


@pytest.mark.durable
async def test_a_run_that_ends_between_publish_and_move_is_repeated_by_the_next_one(
    deployment: Deployment, tmp_path: Path
) -> None:
    maildir = tmp_path / "maildir"
    for name in ("new", "cur", "tmp"):
        (maildir / name).mkdir(parents=True)
    (maildir / "new" / "1.a.host").write_bytes(a_report(to=SIGNED))
    obstacle = maildir / "cur" / "1.a.host:2,S"
    obstacle.mkdir()

    ended = deployment.rollcall("bounces", "--maildir", str(maildir))
    obstacle.rmdir()
    repeated = deployment.rollcall("bounces", "--maildir", str(maildir))
    nothing = deployment.rollcall("bounces", "--maildir", str(maildir))

    assert (ended.exit_code, ended.stderr) == (
        1,
        "--maildir: cannot move a mail to the folder cur (Is a directory).\n",
    )
    assert (repeated.exit_code, repeated.stdout) == (
        0,
        "receipts published: 1, reports without a valid signature: 0, other mails: 0\n",
    )
    assert nothing.stdout.startswith("receipts published: 0,")
    first, second = await published(deployment)
    assert first == second
    assert obstacle.is_file()


async def test_a_followed_maildir_is_read_when_a_mail_arrives(deployment: Deployment, tmp_path: Path) -> None:
    maildir = tmp_path / "maildir"
    for name in ("new", "cur", "tmp"):
        (maildir / name).mkdir(parents=True)
    with running_bounces(deployment, "--maildir", str(maildir), "--follow") as (child, _):
        (maildir / "tmp" / "1.a.host").write_bytes(a_report(to=SIGNED))
        (maildir / "tmp" / "1.a.host").rename(maildir / "new" / "1.a.host")
        wait_until_ready(child, (maildir / "cur" / "1.a.host:2,S").exists, what="the move", deadline_seconds=30)
        child.stop()

    assert child.exit_code() == 0
    assert len(await published(deployment)) == 1


def test_without_kafka_the_command_names_the_setting(deployment: Deployment, tmp_path: Path) -> None:
    for name in ("new", "cur"):
        (tmp_path / name).mkdir()
    (tmp_path / "new" / "1.a.host").write_bytes(a_report(to=SIGNED))
    away = f"127.0.0.1:{free_port()}"

    done = deployment.rollcall("bounces", "--maildir", str(tmp_path), ROLLCALL_KAFKA_BOOTSTRAP=away)

    assert done.exit_code == 1
    assert done.stderr.startswith(f"ROLLCALL_KAFKA_BOOTSTRAP: Kafka does not answer at {away}")
    assert (tmp_path / "new" / "1.a.host").exists()
