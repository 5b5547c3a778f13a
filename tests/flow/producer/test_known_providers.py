"""Names of own providers in requests: what the producer remembers of a tenant, and for how long."""

from ledger.provider_states import ProviderState
from ledger.tenant_port import StoredProvider
from producer.provider_directory.known_providers import MAX_AGE_SECONDS, MIN_AGE_SECONDS, KnownProviders
from schemas.statuses import Channel
from tests.support.service import GOOD, NOON, Service, a_service, a_token, gateway_without_mongodb

OWN = StoredProvider("prv_1", "shop", Channel.SMS, 5, True, 1, b"", NOON, NOON)
UNKNOWN = "provider: there is no provider of sms with this name"


async def named(service: Service, name: str) -> tuple[int, str]:
    """Return the status and the message of a request that names a provider."""
    answer = await service.send({**GOOD, "provider": name})
    return answer.status_code, answer.json()["message"]


async def store(service: Service, *providers: StoredProvider) -> None:
    version = (await service.ledger.tenants.get("tnt_a")).version
    assert await service.ledger.tenants.put_providers("tnt_a", providers, version)


async def test_a_tenant_with_active_providers_of_a_channel_may_name_those_alone() -> None:
    async with a_service() as service:
        await service.ledger.provider_states.report("consumer", [ProviderState("aliyun", Channel.SMS)])
        inactive = OWN._replace(id="prv_2", name="off", is_active=False)
        await store(service, OWN, inactive, OWN._replace(id="prv_3", name="post", channel=Channel.EMAIL))

        assert await named(service, "shop") == (200, "accepted")
        for name in ("aliyun", "off", "post"):
            assert await named(service, name) == (400, UNKNOWN)
        answer = await service.send(
            {**GOOD, "provider": "aliyun"}, Authorization=f"Bearer {a_token(tenant='tnt_b', user='usr_a')}"
        )
        assert answer.status_code == 200


async def test_a_name_that_is_not_known_is_looked_up_again_and_a_known_one_is_remembered() -> None:
    async with a_service() as service:
        await store(service, OWN)
        assert await named(service, "new") == (400, UNKNOWN)
        await store(service, OWN._replace(name="new"))
        assert await named(service, "new") == (400, UNKNOWN)
        service.clock.monotonic += MIN_AGE_SECONDS
        assert await named(service, "new") == (200, "accepted")
        await store(service, OWN)
        assert await named(service, "new") == (200, "accepted")
        service.clock.monotonic += MAX_AGE_SECONDS
        assert await named(service, "new") == (400, UNKNOWN)


async def test_a_provider_that_was_created_here_may_be_named_at_once() -> None:
    async with a_service() as service:
        await service.ledger.provider_states.report("consumer", [ProviderState("aliyun", Channel.SMS)])
        assert await named(service, "http") == (400, UNKNOWN)
        body = {"channel": "sms", "provider": "http", "config": '{"url": "https://gateway.example"}'}
        headers = {"Authorization": f"Bearer {a_token('communication:admin')}"}
        answer = await service.client.post("/admin/communication/providers", json=body, headers=headers)
        assert answer.status_code == 201
        assert await named(service, "http") == (200, "accepted")


async def test_without_mongodb_the_consumer_decides() -> None:
    async with a_service(gateway=gateway_without_mongodb()) as service:
        assert await named(service, "anything") == (200, "accepted")


async def test_few_tenants_are_remembered() -> None:
    async with a_service() as service:
        known = KnownProviders(service.gateway, lambda: 0.0, max_tenants=2)
        for tenant in ("a", "b", "c"):
            assert await known.active(tenant, Channel.SMS) == []
        assert list(known._by_tenant) == ["b", "c"]
