"""Consents of an address: exported with it, and withdrawn by its erasure."""

from datetime import timedelta

from core.consents import GivenConsent
from ledger.consent_key import ConsentKey
from ledger.tenant_key import open_tenant_key
from producer.consents.routes import ERASED
from schemas.statuses import Category, Channel
from tests.flow.producer.personal_data import erase, export, export_lines
from tests.flow.producer.test_consent_routes import call
from tests.flow.service_and_consumer import ServiceAndConsumer
from tests.support.service import NOON

ANN = "+8613800138000"
TO_ANN = {"address": ANN, "channel": "sms"}


async def test_consents_of_an_address_are_exported_and_withdrawn_by_its_erasure() -> None:
    async with ServiceAndConsumer() as both:
        ledger = both.world.ledger
        await export(both.service, **TO_ANN)  # creates the key of the tenant
        stored = (await ledger.tenants.get("tnt_a")).key
        assert stored is not None
        key = ConsentKey(open_tenant_key(stored, "tnt_a", both.world.sealer))
        subject = key.subject(Channel.SMS, Category.MARKETING, ANN)
        await ledger.consents.record([(subject, GivenConsent(NOON - timedelta(days=1), "web-form", "v1"))])

        (consent,) = (await export(both.service, **TO_ANN))["consents"]
        await erase(both.service, **TO_ANN)
        withdrawn, end = await export_lines(both.service, **TO_ANN)

        assert (consent["category"], consent["way"], consent["text_version"]) == ("marketing", "web-form", "v1")
        changed = {"in_force": False, "withdrawn_at": withdrawn["withdrawn_at"]}
        assert withdrawn == {"type": "consent", **consent, **changed}
        assert (consent["in_force"], consent["recipient"]) == (True, ANN)
        listed = await call(both.service, "GET")
        assert [each["recipient"] for each in listed.json()["items"]] == [ERASED]
        assert end["consents"] == 1
        erased = (await ledger.consents.get_many([subject.id]))[subject.id]
        assert (erased.sealed, key.open(erased)) == (b"", (Channel.SMS, Category.MARKETING, None))
        assert await ledger.consents.find_in_force([subject.id]) == set()
