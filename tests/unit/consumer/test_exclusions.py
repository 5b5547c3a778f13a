"""The rules that exclude recipients, each alone and in their order."""

from dataclasses import replace

from consumer.expand.check_recipients import UNKNOWN_HASH, CheckedRecipients, Decision, Decisions
from consumer.expand.exclusions import (
    EXCLUSIONS,
    ExclusionScope,
    apply_exclusions,
    exclude_duplicates,
    exclude_expired,
    exclude_settled_resends,
)
from core.ids import LogId, log_id
from schemas.statuses import Reason, Status
from tests.flow.world import Steps, World
from tests.support.builders import a_chunk, a_hash, a_head, a_key, a_log, a_part

INVALID = Decision(Status.FAILED, Reason.INVALID_RECIPIENT)
UNPROCESSABLE = Decision(Status.FAILED, Reason.UNPROCESSABLE)
MISSING_VARIABLE = Decision(Status.FAILED, Reason.MISSING_VARIABLE)
DUPLICATE = Decision(Status.SUPPRESSED, Reason.DUPLICATE)
SETTLED = Decision(Status.SUPPRESSED, Reason.SETTLED)
EXPIRED = Decision(Status.EXPIRED, Reason.EXPIRED)

FAILED_BEFORE, SENT_BEFORE = (a_log("old", index).id for index in range(2))


def checked(
    *names: str | None, decided: Decisions | None = None, resend_of: tuple[LogId | None, ...] | None = None
) -> CheckedRecipients:
    """Return recipients with these names from index 10 on. None stands for a recipient that met an internal error."""
    return CheckedRecipients(
        10,
        masked=("***",) * len(names),
        hashes=tuple(a_hash(name) if name else UNKNOWN_HASH for name in names),
        plain=tuple((name or "", {}) for name in names),
        references=None,
        decided=decided or {},
        resend_of=resend_of,
    )


class Setting:
    """A ledger with the recipients r0, r1 and r2 in part 0, and two logs of an old request."""

    def __init__(self, part: int = 1, *, is_expired: bool = False) -> None:
        self.world, self.steps = World(), Steps()
        self.scope = ExclusionScope(a_head(), a_part(part), self.world.context(self.steps), is_expired)

    async def fill(self) -> "Setting":
        await self.world.ledger.chunks.insert(a_chunk(searchable=True))
        await self.world.ledger.logs.insert_or_get(
            [a_log("old", 0, status=Status.FAILED, reason=Reason.REJECTED), a_log("old", 1)]
        )
        return self


async def test_an_address_of_a_lower_part_is_a_duplicate() -> None:
    scope = (await Setting().fill()).scope
    assert await exclude_duplicates(checked("new", "r1"), {}, scope) == {11: DUPLICATE}


async def test_the_first_part_has_no_lower_part_to_read() -> None:
    setting = await Setting(part=0).fill()
    assert await exclude_duplicates(checked("r0", "r1"), {}, setting.scope) == {}
    assert setting.steps.done == []


async def test_a_duplicate_replaces_every_decision_except_those_without_an_address() -> None:
    scope = (await Setting().fill()).scope
    decided = {10: INVALID, 11: UNPROCESSABLE, 12: MISSING_VARIABLE}
    assert await exclude_duplicates(checked("r0", "r1", "r2"), decided, scope) == {12: DUPLICATE}


async def test_the_hash_of_an_unchecked_recipient_is_not_looked_up() -> None:
    setting = Setting()
    chunk = replace(a_chunk(searchable=True), hashes=UNKNOWN_HASH * 3)
    await setting.world.ledger.chunks.insert(chunk)
    assert await exclude_duplicates(checked(None), {}, setting.scope) == {}


async def test_an_expired_part_expires_every_recipient() -> None:
    scope = Setting(is_expired=True).scope
    assert await exclude_expired(checked("a", "b"), {10: INVALID}, scope) == {10: EXPIRED, 11: EXPIRED}
    assert await exclude_expired(checked("a", "b"), {10: INVALID}, Setting().scope) == {}


async def test_a_resend_of_a_settled_delivery_is_excluded_and_another_is_reserved() -> None:
    setting = await Setting().fill()
    recipients = checked("a", "b", "c", resend_of=(FAILED_BEFORE, SENT_BEFORE, None))
    for _ in range(2):
        assert await exclude_settled_resends(recipients, {}, setting.scope) == {11: SETTLED}
    stored = await setting.world.ledger.logs.get_many([FAILED_BEFORE])
    assert stored[FAILED_BEFORE].resent_as == log_id(a_key(), 1, 10)


async def test_a_delivery_is_repeated_by_its_first_resend_alone() -> None:
    scope = (await Setting().fill()).scope
    recipients = checked("a", "b", resend_of=(FAILED_BEFORE, FAILED_BEFORE))
    assert await exclude_settled_resends(recipients, {}, scope) == {11: SETTLED}


async def test_a_decided_recipient_reserves_no_resend() -> None:
    setting = await Setting().fill()
    recipients = checked("a", "b", resend_of=(FAILED_BEFORE, SENT_BEFORE))
    assert await exclude_settled_resends(recipients, {10: INVALID, 11: DUPLICATE}, setting.scope) == {}
    assert setting.steps.done == []


async def test_the_rules_apply_in_their_documented_order() -> None:
    assert [rule.__name__.removeprefix("exclude_") for rule in EXCLUSIONS] == [
        "duplicates",
        "expired",
        "suppressed",
        "without_consent",
        "settled_resends",
    ]
    scope = (await Setting(is_expired=True).fill()).scope
    recipients = checked("a", "r1", decided={10: INVALID}, resend_of=(FAILED_BEFORE, SENT_BEFORE))
    assert await apply_exclusions(recipients, scope) == {10: EXPIRED, 11: EXPIRED}


async def test_the_rules_change_nothing_that_they_get() -> None:
    setting = await Setting().fill()
    recipients = checked("r1", "b", "c", decided={12: INVALID}, resend_of=(None, SENT_BEFORE, None))
    assert await apply_exclusions(recipients, setting.scope) == {12: INVALID, 10: DUPLICATE, 11: SETTLED}
    assert recipients.decided == {12: INVALID}
    assert setting.steps.done == ["chunks.find_duplicates", "logs.reserve_resends"]
