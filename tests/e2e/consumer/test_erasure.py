"""An address that is nowhere any more after its erasure, on a real Kafka and MongoDB.

The only find is the plain intake record, which Kafka keeps for 7 days.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from aiokafka import AIOKafkaConsumer

from cli.admin.development_token import issue_token
from core.addresses import AddressRules
from core.ids import RequestKey, chunk_id
from devstack import Stack
from ledger.errors import SealingError
from ledger.recipient_hashes import recipient_hashes
from schemas.statuses import Channel
from tests.e2e.caller import publish
from tests.support.deployment import Deployment, a_deployment
from tests.support.polling import wait_until
from tests.support.service import SECRET

TENANT = "tnt_e2e"
ANN, OTHERS = "+8613912345678", [f"+86138{number:08d}" for number in range(700)]
DIGITS, MASK = ANN.removeprefix("+86"), AddressRules(Channel.SMS, None).mask(ANN, ANN)
SCOPES = [f"communication:{name}" for name in ("send", "read", "suppressions", "internal")]
MASK_OF_OTHER = AddressRules(Channel.SMS, None).mask(OTHERS[0], OTHERS[0]).encode()
REFERENCE, LATER = "customer-4711", "2027-10-01T00:00:00Z"
CODE = {"channel": "sms", "content": "Your code is {{code}}", "variables": {"code": "7"}}

pytestmark = pytest.mark.durable


async def send(client: httpx.AsyncClient, request_id: str, *recipients: Any, **fields: Any) -> None:
    body = {**CODE, "recipients": list(recipients), **fields}
    answer = await client.post("/communication/bulk", json=body, headers={"Idempotency-Key": request_id})
    assert answer.status_code == 200, answer.text


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    parsed: dict[str, Any] = answer.json()
    return parsed


def stored(deployment: Deployment) -> dict[str, bytes]:
    """Return the documents and the index keys of each collection, with every sealed value opened."""
    found = {}
    for name in deployment.database.list_collection_names():
        collection, texts = deployment.database[name], []
        for document in collection.find():
            id_ = str(document["_id"])
            texts.append(repr(document).encode())
            # The chunk of a small request is sealed under its own id, and in the document of the request.
            texts += opened(deployment, document, (id_, chunk_id(RequestKey(id_), 0, 0)))
        for index, fields in collection.index_information().items():
            held = fields.get("partialFilterExpression", {})
            texts += [repr(keys).encode() for keys in collection.find(held, hint=index, return_key=True)]
        found[name] = b"\n".join(texts)
    return found


def opened(deployment: Deployment, value: Any, names: tuple[str, ...]) -> Iterator[bytes]:
    """Yield the plain form of each sealed value in a document, under whichever name it was sealed."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from opened(deployment, inner, names)
    elif isinstance(value, bytes):
        for name in names:
            with contextlib.suppress(SealingError, IndexError):
                yield deployment.sealer.open(value, name)


def collections_with_ann(deployment: Deployment) -> set[str]:
    """Return the collections with the address, its mask or reference, or a hash of it under a sealing key."""
    hashes = recipient_hashes(ANN, Channel.SMS, deployment.sealer, "CN")
    wanted = [DIGITS.encode(), MASK.encode(), REFERENCE.encode(), *(repr(each)[2:-1].encode() for each in hashes)]
    return {name for name, text in stored(deployment).items() if any(each in text for each in wanted)}


def requests_of_usr_a(deployment: Deployment) -> set[str]:
    """Return the collections of requests in which the user is."""
    found = stored(deployment)
    return {name for name in ("requests", "communication_logs") if b"usr_a" in found[name]}


async def topics_with_ann(deployment: Deployment) -> set[str]:
    """Return the topics that have the address in a key, a value or a header."""
    prefix = deployment.env["ROLLCALL_TOPIC_PREFIX"]
    async with AIOKafkaConsumer(bootstrap_servers=deployment.bootstrap) as consumer:
        topics = [each for each in await consumer.topics() if each.startswith(prefix)]
    found = set()
    async with AIOKafkaConsumer(
        *topics, bootstrap_servers=deployment.bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                texts = [repr((record.key, record.value, record.headers)) for record in records]
                if any(DIGITS in text for text in texts):
                    found.add(place.topic.removeprefix(prefix))
    return found


async def statuses(client: httpx.AsyncClient, request_id: str) -> set[str]:
    answer = await client.get("/communication/logs", params={"request_id": request_id, "page_size": 100})
    return {item["status"] for item in answer.json()["items"]}


async def test_an_address_is_nowhere_after_its_erasure(stack: Stack, tmp_path: Path) -> None:
    settings = {"JWT_SECRET": SECRET, "DEFAULT_REGION": "CN"}
    with (
        a_deployment(stack, tmp_path, **settings) as deployment,
        deployment.service("producer") as producer,
        deployment.service("consumer"),
    ):
        headers = {"Authorization": f"Bearer {issue_token(SECRET, TENANT, 'usr_a', SCOPES, 600)}"}
        async with httpx.AsyncClient(base_url=producer.url, headers=headers, timeout=30) as client:
            await fill(deployment, client)
            assert collections_with_ann(deployment) == {"requests", "chunks", "communication_logs"}
            assert await topics_with_ann(deployment) == {".bulk.requests", ".bulk.requests.express"}
            exported = await post(client, "/internal/communication/export-user-data", address=DIGITS, channel="sms")
            assert sorted(log["status"] for log in exported["data"]["logs"]) == ["scheduled", "sent", "sent", "sent"]
            assert [each["recipient"] for each in exported["data"]["suppressions"]] == [ANN]

            answer = await post(client, "/internal/communication/erase-user-data", address=DIGITS, channel="sms")
            await wait_until(lambda: collections_with_ann(deployment) == {"erasures"}, seconds=60)
            await end(deployment, answer["person"])

            assert collections_with_ann(deployment) == set()
            assert await topics_with_ann(deployment) == {".bulk.requests", ".bulk.requests.express"}
            assert DIGITS.encode() not in deployment.said()
            assert await statuses(client, "later") == {"scheduled"}
            assert await statuses(client, "large") == {"sent"}
            (suppression,) = deployment.database["suppressions"].find()
            assert ("sealed" in suppression, suppression["entries"][0]["reason"]) == (False, "opted_out")

            await post(client, "/internal/communication/erase-user-data", user_id="usr_a")
            await wait_until(lambda: not requests_of_usr_a(deployment), seconds=60)
            assert MASK_OF_OTHER not in stored(deployment)["chunks"] + stored(deployment)["communication_logs"]
            assert {log["status"] for log in deployment.database["communication_logs"].find()} == {"sent", "cancelled"}


async def fill(deployment: Deployment, client: httpx.AsyncClient) -> None:
    """Send to the address in every way: among many, alone, later, for a user, and in a record that is refused."""
    ann = {"to": ANN, "reference": REFERENCE}
    await send(client, "large", *OTHERS, ann)
    await send(client, "small", ann, content=f"Dear {DIGITS}, your code is 7", variables={})
    await send(client, "user", ann, OTHERS[0])
    await send(client, "later", *OTHERS[:5], ann, send_at=LATER)
    await publish(deployment.bootstrap, deployment.topics.requests, orjson.dumps({"phone": ANN}))
    suppression = {"channel": "sms", "recipient": ANN, "reason": "opted_out", "scope": "list:news"}
    await post(client, "/communication/suppressions", **suppression)
    for request_id in ("large", "small", "user"):
        await wait_until(lambda request_id=request_id: _is_complete(client, request_id), seconds=60)
    await wait_until(lambda: deployment.database["chunks"].count_documents({}) == 3, seconds=30)


async def _is_complete(client: httpx.AsyncClient, request_id: str) -> bool:
    return bool((await client.get(f"/communication/requests/{request_id}")).json().get("complete"))


async def end(deployment: Deployment, person: str) -> None:
    """Let the last pass begin now. The order then forgets what it looks for, and the audit log has the counts."""
    due = {"$set": {"last_pass_at": deployment.database["erasures"].find_one({})["before"]}}  # type: ignore[index]
    deployment.database["erasures"].update_one({}, due)
    deployment.database["erasures"].update_one({}, [{"$set": {"due_at": "$$NOW"}}])

    def entries() -> list[dict[str, Any]]:
        listed = deployment.rollcall("audit", "list", "--tenant", TENANT, "--json")
        assert listed.exit_code == 0, listed.output
        return [orjson.loads(line) for line in listed.stdout.splitlines()]

    await wait_until(lambda: all(each["done_at"] for each in entries()), seconds=30)
    erased, exported = entries()
    assert (erased["action"], erased["actor"], f"erased:{erased['person']}") == ("erase", "usr_a", person)
    assert erased["counts"] == {"cancelled": 1, "deliveries": 3, "requests": 1, "suppressed_addresses": 1}
    assert exported["counts"] == {"logs": 4, "suppressions": 1, "consents": 0}
