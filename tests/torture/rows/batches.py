"""Row 23: a vendor that does not answer for all of a batch, and consumers that are killed beside it."""

from tests.contract.providers.vendors.ses import SesStage
from tests.support.polling import wait_until
from tests.torture.half_vendor import HalfServer
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.world import ANSWER_SECONDS, TIMEOUT_SECONDS, Round

ASKED_SHARE = 0.8
"""Share of the mails that were offered to the vendor before the next ones are published. Some wait for a lease."""


@row(
    23,
    "a vendor answers for half of a batch, cuts after half, or refuses a batch for one mail; kill -9 of consumers",
    "as row 1; without a kill, what was answered is sent or failed, and what was not is unknown",
)
async def half_answered(round_: Round) -> Reconciliation:
    server = HalfServer()
    server.answer_seconds = ANSWER_SECONDS
    async with server.running():
        entry = {
            **SesStage.entry,
            "name": "vendor",
            "base_url": f"http://127.0.0.1:{server.port}",
            "timeout_seconds": TIMEOUT_SECONDS,
        }
        async with round_.world(mail=entry) as world:
            await world.consumers(2)
            wave = round_.recipients // 2 // round_.times
            for _ in range(round_.times):
                orders = world.orders(wave, "email")
                server.refuse_some(orders)
                await world.publish(*orders)
                victim = round_.rng.choice(world.services)
                await world.busy(victim)
                await world.kill(victim)
                await world.start(ready=False)
                published = sum(order.total - len(order.decided) for order in world.orders_published)
                await wait_until(lambda: len(server.asked) >= ASKED_SHARE * published, 60)  # noqa: B023  # awaited here
            server.misbehaves = False
            await world.settled()
            books = await world.books(accepted=server.taken)
    invalid = sum(status == "failed" for order in world.orders_published for status in order.decided.values())
    if (failed := books.by_status["failed"] - invalid) > len(server.bad):
        raise DoesNotHold(f"{failed} failed, and {len(server.bad)} addresses were refused", books)
    _hold(books, server)
    return books


def _hold(books: Reconciliation, server: HalfServer) -> None:
    """Each delivery ended as the server answered, unless it was in a window that a kill left open."""
    books.hold_as_asked()
    books.notes.append(f"batches {dict(server.counts)}, {len(server.unanswered)} deliveries without an answer")
    doubts = books.doubts + server.unanswered
    if certain := books.unknown - doubts.keys():
        raise DoesNotHold(f"{len(certain)} unknown, and answered: {sorted(certain)[:3]}", books)
    if more := [one for one, times in books.duplicated.items() if times > doubts[one]]:
        raise DoesNotHold(f"{len(more)} sent more often than they were in doubt: {sorted(more)[:3]}", books)
    known = {one for one in server.unanswered if not books.may_resend(one)} - books.doubts.keys() - books.unknown
    if known:
        raise DoesNotHold(f"{len(known)} without an answer, and not unknown: {sorted(known)[:3]}", books)
    if not all(server.counts[fault] for fault in ("half", "cut", "refused")):
        raise DoesNotHold(f"not every fault was met: {books.notes[-1]}", books)
