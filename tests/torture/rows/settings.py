"""Row 17: what a first expansion decided stands, whatever the settings of the second one, or of who works beside it."""

import base64
import signal
from collections import defaultdict

from tests.support.polling import wait_until
from tests.torture.offsets import read_to_the_end, set_back
from tests.torture.reconciliation import DoesNotHold, Reconciliation
from tests.torture.row_registry import row
from tests.torture.traffic import TENANT
from tests.torture.world import ANSWER_SECONDS, Round, World

TEMPLATE = "greeting"


@row(
    17,
    "CHUNK_SIZE, WINDOW_SIZE, sealing keys and a template change between two expansions, and between two consumers",
    "nothing mixed, lost or doubled",
)
async def settings_change(round_: Round) -> Reconciliation:
    keys = [f"k{number}:{base64.b64encode(round_.rng.randbytes(32)).decode()}" for number in range(2)]
    first = {"CHUNK_SIZE": 100, "WINDOW_SIZE": 20, "SEALING_KEYS": ",".join(keys)}
    second = {"CHUNK_SIZE": 37, "WINDOW_SIZE": 7, "SEALING_KEYS": ",".join(reversed(keys))}
    async with round_.world(SEALING_KEYS=first["SEALING_KEYS"]) as world, world.ledger() as ledger:
        world.provider.misbehave("slow", seconds=ANSWER_SECONDS)
        await ledger.templates.put(TENANT, TEMPLATE, "the first text", None)
        orders = world.orders(round_.recipients)
        for order in orders[::2]:
            order.content, order.fields = "", {"template": TEMPLATE}
        await world.publish(*orders)
        dying = await world.start(ready=False, **first, FAILPOINT=f"expand_insert:{round_.rng.randint(2, 4)}")
        await wait_until(lambda: dying.child.exit_code() == -signal.SIGKILL)
        await world.kill(dying)
        await ledger.templates.put(TENANT, TEMPLATE, "the second text", None)
        for settings in (first, second):
            await world.start(**settings)
        await world.sent(round_.recipients // 2)
        for service in list(world.services):
            await world.stop(service)
        await set_back(world.deployment)
        await world.consumers(2, **second)
        await read_to_the_end(world.deployment)
        await world.settled()
        books = await world.books()
        books.hold_within_doubt()
        _hold_texts(world, books)
        return books


def _hold_texts(world: World, books: Reconciliation) -> None:
    """Every recipient of a request got the same text: its own, or one version of its template."""
    texts: defaultdict[str, set[str]] = defaultdict(set)
    for delivery, _, text in world.provider.taken():
        texts[delivery[4:30]].add(text)
    allowed = {"the first text", "the second text"}
    for order in world.orders_published:
        found = texts[order.key]
        if len(found) > 1 or not found <= ({order.content} if order.content else allowed):
            raise DoesNotHold(f"{order.request_id} was sent with {len(found)} texts", books)
    used = {text for found in texts.values() for text in found} & allowed
    books.notes.append(f"versions of the template that were sent: {len(used)}")
