"""Row 22: a mail server with narrow limits, and a password that expires."""

import asyncio

from tests.contract.providers.limited_mail_server import PASSWORD, LimitedMailServer
from tests.support.polling import wait_until
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.world import Round, World

CONNECTIONS = 2
MAILS_PER_CONNECTION = 5
EXPIRED_SECONDS = 60.0
SETTLED_SECONDS = 700.0
"""What a minute of refusals costs: waits of four minutes mostly, and of nine for a mail that was refused often."""
MAX_ATTEMPTS = 16
"""The default."""


@row(
    22,
    "a mail server with two connections, greylisting, 421 after five mails, and a password that expires for a minute",
    "all sent in the end, each once, with one consumer and with two",
)
async def narrow_mail_server(round_: Round) -> Reconciliation:
    server = LimitedMailServer(most_connections=CONNECTIONS, mails_per_connection=MAILS_PER_CONNECTION)
    server.greylists = server.needs_login = True
    server.seconds_per_mail = 0.01
    async with server.running():
        entry = {
            "name": "post",
            "kind": "smtp",
            "host": "127.0.0.1",
            "port": server.port,
            "tls": "none",
            "sender": "us@example.org",
            "username": "us",
            "password": PASSWORD,
            "timeout_seconds": 5,
        }
        async with round_.world(PROVIDERS=[entry], MAX_ATTEMPTS=MAX_ATTEMPTS, LEASE_SECONDS=12) as world:
            for _ in range(2):
                await world.start()  # the second time beside the first one
                await _mailing(world, server)
            books = await world.books(accepted=server.taken)
    books.hold(notes=f"{dict(server.counts)} refused, {server.connections} connections, {server.most_open} at once")
    decided = sum(len(order.decided) for order in world.orders_published)
    if books.by_status["sent"] != books.requested - decided:
        raise DoesNotHold(f"{books.requested - decided} were to be sent: {dict(books.by_status)}", books)
    if not all(server.counts[kind] for kind in ("connection", "mail", "greylisted", "login")):
        raise DoesNotHold(f"not every limit was met: {books.notes[-1]}", books)
    return books


async def _mailing(world: World, server: LimitedMailServer) -> None:
    """Publish mails, and let the password expire as soon as all are greylisted.

    A mail that is greylisted after a minute of refusals would wait for ten minutes.
    """
    orders = world.orders(world.round_.recipients // 10, "email")
    recipients = {recipient for order in orders for part in order.parts for recipient in part if "@" in recipient}
    await world.publish(*orders)
    await wait_until(lambda: recipients <= server.asked, SETTLED_SECONDS)
    world.faults += 1
    server.login_fails = True
    server.log_out_all()
    await asyncio.sleep(EXPIRED_SECONDS)
    server.login_fails = False
    await world.settled(SETTLED_SECONDS)
