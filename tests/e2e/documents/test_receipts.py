"""The commands of docs/receipts.md send a receipt that a real producer publishes."""

import json
import os
from pathlib import Path

from devstack import Stack
from schemas.receipts import Receipt, ReceiptStatus
from tests.e2e.documents.code_blocks import block, run
from tests.e2e.producer.kafka_records import records_of
from tests.support.deployment import a_deployment

KEY = "a key of the gateway with 32 characters"
ENTRY = {"kind": "http", "provider": "gateway", "signing_key": KEY}


async def test_a_gateway_signs_with_openssl_and_the_receipt_is_published(stack: Stack, tmp_path: Path) -> None:
    with (
        a_deployment(stack, tmp_path, RECEIPTS=json.dumps([ENTRY])) as deployment,
        deployment.service("producer") as producer,
    ):
        env = {**os.environ, "GATEWAY_RECEIPT_KEY": KEY, "URL": producer.url}
        script = block("docs/receipts.md", "test_receipts.py", "runs this: sign")
        answer = json.loads(run(["bash", "-eu", "-c", script], env, tmp_path))
        (record,) = await records_of(deployment.bootstrap, deployment.topics.receipts, 1)

    assert answer["data"] == {"provider": "gateway", "received": True}
    receipt = Receipt.model_validate_json(record.value)
    assert (receipt.provider, receipt.provider_message_id, receipt.status) == (
        "gateway",
        "GW7f3a91c04be24d17a6a1c8b05d92e6f0",
        ReceiptStatus.DELIVERED,
    )
