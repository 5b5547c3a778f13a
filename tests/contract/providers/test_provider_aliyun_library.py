"""Kind `aliyun`: its signature, and Aliyun's own library at the same server.

The example of a signature is that of
https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature.
"""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_dysmsapi20170525.models import SendBatchSmsRequest, SendSmsRequest
from alibabacloud_tea_openapi.exceptions import ThrottlingException
from alibabacloud_tea_openapi.utils import Utils
from alibabacloud_tea_openapi.utils_models import Config

from core.send_result import Retry
from providers.vendors.aliyun_signature import ALGORITHM, AccessKey, canonical_query, digest
from schemas.statuses import Reason
from tests.contract.providers.servers import Act
from tests.contract.providers.stage import VENDOR_TEMPLATE
from tests.contract.providers.vendors.aliyun import KEY_ID, SECRET, AliyunStage
from tests.contract.providers.vendors.server import Request

KIND = "aliyun"


def test_the_signature_is_that_of_the_example_in_the_documentation() -> None:
    query = {"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": digest(b""),
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    }
    key = AccessKey("YourAccessKeyId", "YourAccessKeySecret")
    assert key.authorization(canonical_query(query), headers, b"") == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
        "x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def own_signature(request: Request) -> str:
    """Return the signature of Aliyun's own library for what arrived, with the headers that were signed."""
    names = request.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    signed = {name: request.headers[name] for name in names}
    call = SimpleNamespace(method=request.method, pathname=request.path, query=request.query, headers=signed)
    payload = Utils.hash(request.body, ALGORITHM).hex()
    signature: str = Utils.get_authorization(call, ALGORITHM, payload, KEY_ID, SECRET)
    return signature


@pytest.fixture
def client(stage: AliyunStage) -> Client:
    endpoint = f"127.0.0.1:{stage.peer.port}"
    return Client(Config(access_key_id=KEY_ID, access_key_secret=SECRET, endpoint=endpoint, protocol="http"))


def form_of(request: Request) -> dict[str, str]:
    return request.form() if request.body else {}


CODES = ['张三 & Zoë: "1+1=2" ~*%{}', "4711"]


@pytest.mark.parametrize(
    ("codes", "action", "model"),
    [
        (CODES[:1], "send_sms", SendSmsRequest),
        (CODES[:1] * 2, "send_sms", SendSmsRequest),
        (CODES, "send_batch_sms", SendBatchSmsRequest),
    ],
    ids=["one", "equal", "different"],
)
async def test_aliyuns_own_library_sends_our_fields_signs_alike_and_understands_the_answer(
    stage: AliyunStage, client: Client, codes: list[str], action: str, model: Any
) -> None:
    await stage.results(*(stage.sms(number, code) for number, code in enumerate(codes)))
    (ours,) = stage.peer.requests
    fields = model().from_map({**ours.query, **form_of(ours)})
    response = await asyncio.to_thread(getattr(client, action), fields)

    theirs = stage.peer.requests[1]
    assert (ours.method, ours.path, ours.query) == (theirs.method, theirs.path, theirs.query)
    assert form_of(ours) == form_of(theirs)
    assert all(ours.headers[name] == theirs.headers[name] for name in ("host", "x-acs-action", "x-acs-version"))
    assert ours.headers["authorization"] == own_signature(ours)
    assert (response.body.code, response.body.biz_id) == ("OK", stage.message_id("log_0"))


async def test_aliyuns_own_library_understands_the_errors(stage: AliyunStage, client: Client) -> None:
    fields = {"sign_name": VENDOR_TEMPLATE.sign_name, "template_code": VENDOR_TEMPLATE.template_code}
    refused = SendSmsRequest(phone_numbers=stage.address(Act.REFUSE), **fields)
    response = await asyncio.to_thread(client.send_sms, refused)
    assert (response.body.code, response.body.biz_id) == ("isv.MOBILE_NUMBER_ILLEGAL", None)

    throttled = SendSmsRequest(phone_numbers=stage.address(Act.THROTTLE), **fields)
    with pytest.raises(ThrottlingException) as raised:
        await asyncio.to_thread(client.send_sms, throttled)
    assert (raised.value.code, raised.value.retry_after) == ("Throttling.User", 7_000)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"access_key_secret": "wrong"}, "SignatureDoesNotMatch"),
        ({"access_key_id": "LTAI5tOther"}, "InvalidAccessKeyId.NotFound"),
    ],
)
async def test_a_wrong_key_is_not_blamed_on_the_messages(stage: AliyunStage, entry: dict[str, str], code: str) -> None:
    results = await stage.results(stage.sms(1), stage.sms(2), **entry)
    assert results == [Retry(Reason.PROVIDER_REJECTED_CREDENTIALS, f"aliyun {code}")] * 2
    assert stage.arrived() == 1
