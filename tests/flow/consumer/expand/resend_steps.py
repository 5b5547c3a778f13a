"""Steps of tests that send unknown and failed deliveries again."""

from core.ids import request_key
from core.request_parts import EncodedPart
from core.send_result import Failed, Message, SendResult, Sent
from ledger.resend_selection import ResendSelection, resend_parts, select_deliveries
from schemas.statuses import Channel, Reason, Status
from tests.flow.world import RecordingProvider, World

GOOD = [f"138000000{n:02d}" for n in range(12)]
OLD = request_key("t1", "r1")


class Bad:
    """A provider that rejects some messages, or gives no answer, until it is repaired."""

    def __init__(self, answer: SendResult) -> None:
        self.answer: SendResult = answer

    def __call__(self, message: Message, _calls: int) -> SendResult:
        return self.answer if message.to.endswith(("3", "7")) else Sent("m")

    def repair(self) -> None:
        self.answer = Sent("m")


REFUSED = Failed(Reason.REJECTED, "not today")


async def a_world(answer: SendResult = REFUSED, *more: object, **body: object) -> tuple[World, RecordingProvider]:
    """Return a world with a request of which two deliveries failed or are unknown. The provider works again."""
    bad = Bad(answer)
    book = RecordingProvider(answers=bad)
    world = World(book, RecordingProvider("post", Channel.EMAIL))
    await world.expand(world.record(*GOOD[:8], *more, **body))
    await world.deliver_all()
    bad.repair()
    world.pass_time(60)
    return world, book


async def select(world: World, status: Status = Status.FAILED, request_id: str | None = None) -> ResendSelection:
    old = await world.ledger.requests.get(OLD)
    assert old is not None
    return await select_deliveries(world.ledger, old, status, request_id)


async def parts_of(world: World, selection: ResendSelection) -> list[EncodedPart]:
    parts = resend_parts(world.ledger, world.sealer, selection, accepted_at=world.time, expires_at=None)
    return [part async for part in parts]


async def publish(world: World, selection: ResendSelection) -> None:
    for part in await parts_of(world, selection):
        await world.expand(world.raw(part.value, part.key))
    await world.deliver_all()
