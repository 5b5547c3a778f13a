"""Stored templates. Every version stays, numbers have no gaps, and tenants are separate."""

import asyncio

import pytest

from core.vendor_template import VendorTemplate
from ledger.ports import Ledger
from ledger.stored_template import StoredTemplate
from schemas.statuses import ContentType
from tests.contract.ledger.conftest import Wait
from tests.support.builders import VENDOR_TEMPLATES

TENANT, OTHER = "tnt_one", "tnt_two"
CODE = "verify_code"


async def test_the_first_version_is_1_and_reads_back_as_it_was_put(ledger: Ledger) -> None:
    stored = await ledger.templates.put(TENANT, CODE, "您的验证码是{{code}}", "通知")

    assert (stored.tenant_id, stored.code, stored.version) == (TENANT, CODE, 1)
    assert (stored.content, stored.subject) == ("您的验证码是{{code}}", "通知")
    assert stored.id.startswith("tpl_")
    assert abs((stored.created_at - ledger.now()).total_seconds()) < 5
    assert await ledger.templates.get(TENANT, CODE) == stored
    assert await ledger.templates.get(TENANT, CODE, 1) == stored


async def test_an_update_is_a_new_version_and_the_old_one_stays(ledger: Ledger, wait: Wait) -> None:
    first = await ledger.templates.put(TENANT, CODE, "one", None)
    await wait(0.01)
    second = await ledger.templates.put(TENANT, CODE, "two", None)

    assert (second.version, second.id) == (2, first.id)
    assert second.created_at > first.created_at
    assert await ledger.templates.get(TENANT, CODE) == second
    assert await ledger.templates.get(TENANT, CODE, 1) == first


@pytest.mark.parametrize("subject", [None, "subject"])
async def test_the_same_text_as_the_newest_changes_nothing(ledger: Ledger, subject: str | None) -> None:
    first = await ledger.templates.put(TENANT, CODE, "text", subject)

    assert await ledger.templates.put(TENANT, CODE, "text", subject) == first
    assert await ledger.templates.get(TENANT, CODE, 2) is None


async def test_another_subject_alone_is_a_new_version(ledger: Ledger) -> None:
    await ledger.templates.put(TENANT, CODE, "text", None)

    assert (await ledger.templates.put(TENANT, CODE, "text", "subject")).version == 2


async def test_another_content_type_alone_is_a_new_version(ledger: Ledger) -> None:
    await ledger.templates.put(TENANT, CODE, "text", None)
    stated = await ledger.templates.put(TENANT, CODE, "text", None, ContentType.HTML)

    assert (stated.version, stated.content_type) == (2, ContentType.HTML)
    assert await ledger.templates.get(TENANT, CODE) == stated
    assert await ledger.templates.put(TENANT, CODE, "text", None, ContentType.HTML) == stated


async def test_another_mapping_alone_is_a_new_version(ledger: Ledger) -> None:
    await ledger.templates.put(TENANT, CODE, "text", None)
    mapped = await ledger.templates.put(TENANT, CODE, "text", None, vendor_templates=VENDOR_TEMPLATES)

    assert (mapped.version, mapped.vendor_templates) == (2, VENDOR_TEMPLATES)
    assert await ledger.templates.get(TENANT, CODE) == mapped
    in_another_order = dict(reversed(VENDOR_TEMPLATES.items()))
    assert await ledger.templates.put(TENANT, CODE, "text", None, vendor_templates=in_another_order) == mapped
    assert (await ledger.templates.put(TENANT, CODE, "text", None)).version == 3


async def test_going_back_to_an_old_text_is_a_new_version(ledger: Ledger) -> None:
    for text in ("old", "new"):
        await ledger.templates.put(TENANT, CODE, text, None)

    assert (await ledger.templates.put(TENANT, CODE, "old", None)).version == 3


async def test_the_tenth_version_is_newer_than_the_ninth(ledger: Ledger) -> None:
    for number in range(1, 11):
        await ledger.templates.put(TENANT, CODE, f"text {number}", None)

    newest = await ledger.templates.get(TENANT, CODE)
    assert newest is not None
    assert (newest.version, newest.content) == (10, "text 10")


async def test_of_texts_put_at_once_each_gets_a_number_of_its_own(ledger: Ledger) -> None:
    texts = [f"text {number}" for number in range(8)]

    stored = await asyncio.gather(*(ledger.templates.put(TENANT, CODE, text, None) for text in texts))

    assert sorted(found.version for found in stored) == list(range(1, 9))
    assert [found.content for found in stored] == texts
    for found in stored:
        assert await ledger.templates.get(TENANT, CODE, found.version) == found


async def test_of_the_same_text_put_at_once_one_version_comes(ledger: Ledger) -> None:
    stored = await asyncio.gather(*(ledger.templates.put(TENANT, CODE, "text", "subject") for _ in range(8)))

    assert {found.version for found in stored} == {1}
    assert len(set(stored)) == 1
    assert await ledger.templates.get(TENANT, CODE, 2) is None


@pytest.mark.parametrize("version", [0, -1, 2])
async def test_a_version_that_never_was_is_none(ledger: Ledger, version: int) -> None:
    await ledger.templates.put(TENANT, CODE, "text", None)

    assert await ledger.templates.get(TENANT, CODE, version) is None


async def test_an_unknown_code_is_none_and_an_empty_tenant_lists_none(ledger: Ledger) -> None:
    await ledger.templates.put(TENANT, CODE, "text", None)

    assert await ledger.templates.get(TENANT, "verify") is None
    assert await ledger.templates.get(TENANT, "verify", 1) is None
    assert await ledger.templates.list(OTHER) == []


async def test_the_list_is_the_newest_version_of_each_by_code(ledger: Ledger) -> None:
    for code, text in (("welcome", "w1"), ("alert", "a1"), ("welcome", "w2"), ("Zeta", "z1")):
        await ledger.templates.put(TENANT, code, text, None)

    listed = await ledger.templates.list(TENANT)

    assert [_said(found) for found in listed] == [("Zeta", 1, "z1"), ("alert", 1, "a1"), ("welcome", 2, "w2")]


async def test_tenants_have_templates_of_their_own_under_the_same_code(ledger: Ledger) -> None:
    mine = await ledger.templates.put(TENANT, CODE, "mine", None)
    theirs = await ledger.templates.put(OTHER, CODE, "theirs", None)

    assert mine.id != theirs.id
    assert (mine.version, theirs.version) == (1, 1)
    assert await ledger.templates.get(TENANT, CODE) == mine
    assert await ledger.templates.list(OTHER) == [theirs]
    assert await ledger.templates.get("tnt_three", CODE) is None


async def test_what_looks_like_an_operator_is_text(ledger: Ledger) -> None:
    stored = await ledger.templates.put(TENANT, "$ne", "$$NOW {{$x", "$subject")

    assert (stored.content, stored.subject) == ("$$NOW {{$x", "$subject")
    assert await ledger.templates.get(TENANT, "$ne") == stored


async def test_the_text_is_not_in_the_repr(ledger: Ledger) -> None:
    mapping = {"aliyun": VendorTemplate("SMS_1", "hidden sign name")}
    stored = await ledger.templates.put(TENANT, CODE, "hidden text", "hidden subject", vendor_templates=mapping)

    assert "hidden" not in repr(stored)


def _said(found: StoredTemplate) -> tuple[str, int, str]:
    return found.code, found.version, found.content
