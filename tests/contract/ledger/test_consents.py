"""Consents: the latest one counts, and the latest withdrawal, in whatever order they are recorded."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from core.consents import Consent, GivenConsent
from ledger.consent_port import ConsentSubject, StoredConsent
from ledger.ports import Ledger
from tests.contract.ledger.documents.stored import Documents

AT = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
GIVEN = GivenConsent(AT, "web-form", "2026-01")
LATER = GivenConsent(AT + timedelta(days=2), "call", "2026-02")
BETWEEN = AT + timedelta(days=1)


def subject(name: str = "a") -> ConsentSubject:
    return ConsentSubject(f"k{name}", f"sealed {name}".encode())


async def stored(ledger: Ledger, name: str = "a") -> Consent | None:
    found = (await ledger.consents.get_many([f"k{name}"])).get(f"k{name}")
    return found and found.consent


async def test_a_consent_is_read_back_and_found(ledger: Ledger) -> None:
    await ledger.consents.record([(subject(), GIVEN), (subject("b"), LATER)])

    assert await ledger.consents.get_many(["ka"]) == {"ka": StoredConsent("ka", b"sealed a", Consent(GIVEN))}
    assert await ledger.consents.find_in_force(["ka", "kb", "kc"]) == {"ka", "kb"}
    assert await ledger.consents.get_many(["kc"]) == {}
    await ledger.consents.record([])


async def test_a_withdrawn_consent_is_not_in_force(ledger: Ledger) -> None:
    await ledger.consents.record([(subject(), GIVEN)])
    await ledger.consents.withdraw(subject(), BETWEEN)

    assert await ledger.consents.find_in_force(["ka"]) == set()
    assert await stored(ledger) == Consent(GIVEN, BETWEEN)


async def test_a_withdrawal_without_a_consent_is_kept(ledger: Ledger) -> None:
    await ledger.consents.withdraw(subject(), BETWEEN)
    await ledger.consents.record([(subject(), GIVEN)])

    assert await ledger.consents.find_in_force(["ka"]) == set()
    assert (await ledger.consents.get_many(["ka"]))["ka"].sealed == b"sealed a"


@pytest.mark.parametrize("order", list(permutations(range(4))))
async def test_the_order_of_the_records_does_not_matter(ledger: Ledger, order: tuple[int, ...]) -> None:
    changes = [
        lambda: ledger.consents.record([(subject(), GIVEN)]),
        lambda: ledger.consents.record([(subject(), LATER)]),
        lambda: ledger.consents.withdraw(subject(), BETWEEN),
        lambda: ledger.consents.withdraw(subject(), AT),
    ]
    for at in order:
        await changes[at]()
    assert await stored(ledger) == Consent(LATER, BETWEEN)
    assert await ledger.consents.find_in_force(["ka"]) == {"ka"}


async def test_a_consent_of_the_moment_of_its_withdrawal_is_withdrawn(ledger: Ledger) -> None:
    await ledger.consents.record([(subject(), GIVEN)])
    await ledger.consents.withdraw(subject(), AT)
    assert await ledger.consents.find_in_force(["ka"]) == set()


async def test_the_consents_of_a_range_are_listed_in_order(ledger: Ledger) -> None:
    await ledger.consents.record([(subject(name), GIVEN) for name in "cabd"])
    assert [each.id for each in await ledger.consents.list_range("ka", "kd", 10)] == ["kb", "kc"]
    assert [each.id for each in await ledger.consents.list_range("k", "kz", 2)] == ["ka", "kb"]


async def test_the_stored_names(documents: Documents) -> None:
    await documents.ledger.consents.record([(subject(), GIVEN)])
    await documents.ledger.consents.withdraw(subject(), BETWEEN)
    assert await documents.only("consents") == {
        "_id": "ka",
        "sealed": b"sealed a",
        "given": {"at": AT, "way": "web-form", "text_version": "2026-01"},
        "withdrawn_at": BETWEEN,
    }


async def test_an_erased_address_is_withdrawn_until_it_consents_anew(ledger: Ledger) -> None:
    await ledger.consents.record([(subject(), GIVEN), (subject("b"), GIVEN)])

    assert await ledger.consents.erase_addresses(["ka", "kc"], BETWEEN) == 1
    assert await ledger.consents.erase_addresses(["ka"], LATER.at) == 0

    erased = StoredConsent("ka", b"", Consent(GIVEN, BETWEEN))
    assert await ledger.consents.get_many(["ka"]) == {"ka": erased}
    assert await ledger.consents.find_in_force(["ka", "kb"]) == {"kb"}
    await ledger.consents.record([(subject(), LATER)])
    assert (await ledger.consents.get_many(["ka"]))["ka"] == StoredConsent("ka", b"sealed a", Consent(LATER, BETWEEN))
