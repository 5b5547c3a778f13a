"""Kind `tencent`: what a call contains, how a batch is divided, its limits, and Tencent's own library."""

import asyncio
import json
from typing import Any

import pytest
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111.models import SendSmsRequest
from tencentcloud.sms.v20210111.sms_client import SmsClient

from core.send_result import Failed, Retry, Sent
from core.vendor_template import VendorTemplate
from providers.config_file import parse
from providers.vendors.tencent_signature import authorization
from schemas.statuses import Reason
from tests.contract.providers.servers import Act
from tests.contract.providers.vendors.server import Request
from tests.contract.providers.vendors.tencent import APP_ID, REGION, SECRET_ID, SECRET_KEY, TencentStage, an_sms

KIND = "tencent"

ABROAD = "+60198890000"


UNSIGNED = VendorTemplate("1110", "", ("code",))


@pytest.mark.parametrize(
    ("sms", "entry", "fields"),
    [
        ({}, {"sign_name": "Other", "sender": "Sender"}, {"SignName": "腾讯云"}),
        ({"template": UNSIGNED}, {"sign_name": "Other"}, {"SignName": "Other"}),
        ({"to": ABROAD, "template": UNSIGNED}, {"sender": "Sender"}, {"SenderId": "Sender"}),
        ({"to": ABROAD}, {}, {"SignName": "腾讯云"}),
    ],
)
async def test_a_call_has_the_template_its_values_and_who_sends(
    stage: TencentStage, sms: dict[str, Any], entry: dict[str, str], fields: dict[str, str]
) -> None:
    message = an_sms(1, **sms)
    (result,) = await stage.results(message, **entry)
    assert isinstance(result, Sent)
    assert stage.peer.requests[0].json() == {
        "PhoneNumberSet": [message.to],
        "SmsSdkAppId": APP_ID,
        "TemplateId": "1110",
        "TemplateParamSet": ["4711"],
        "SessionContext": "log_1",
        **fields,
    }


async def test_the_values_have_the_order_of_the_mapping(stage: TencentStage) -> None:
    template = VendorTemplate("1110", "腾讯云", ("minutes", "code", "minutes"))
    await stage.results(an_sms(1, template=template, minutes="5"))
    assert stage.peer.requests[0].json()["TemplateParamSet"] == ["5", "4711", "5"]


async def test_a_call_has_the_messages_with_one_text_on_one_side_of_the_border(stage: TencentStage) -> None:
    others = [
        an_sms(3, code="other"),
        an_sms(4, template=VendorTemplate("2220", "腾讯云", ("code",))),
        an_sms(5, template=VendorTemplate("1110", "Other", ("code",))),
        an_sms(6, to=ABROAD),
    ]
    results = await stage.results(an_sms(1), *others, an_sms(2))
    bodies = [request.json() for request in stage.peer.requests]
    assert {type(result) for result in results} == {Sent}
    assert [len(body["PhoneNumberSet"]) for body in bodies] == [2, 1, 1, 1, 1]
    assert ["SessionContext" in body for body in bodies] == [False, True, True, True, True]
    assert stage.peer.taken == ["log_1", "log_2", "log_3", "log_4", "log_5", "log_6"]


async def test_a_batch_has_two_hundred_messages_at_most(stage: TencentStage) -> None:
    assert stage.provider().batch_size == 200
    assert {type(result) for result in await stage.results(*map(an_sms, range(200)))} == {Sent}
    assert stage.arrived() == 1


NOT_MAPPED = Reason.TEMPLATE_NOT_MAPPED


@pytest.mark.parametrize(
    ("sms", "expected"),
    [
        ({"template": None}, Failed(NOT_MAPPED, "no mapping of the template")),
        ({"template": UNSIGNED}, Failed(NOT_MAPPED, "no sign_name")),
        ({"code": "号" * 498}, Failed(Reason.TOO_LONG, "more than 500 characters")),
    ],
)
async def test_what_tencent_would_refuse_is_not_offered(
    stage: TencentStage, sms: dict[str, Any], expected: Failed
) -> None:
    refused, sent = await stage.results(an_sms(1, **sms), an_sms(2, code="号" * 497))
    assert refused == expected
    assert isinstance(refused, Failed)
    assert not refused.offered
    assert isinstance(sent, Sent)
    assert stage.peer.taken == ["log_2"]


REFUSED = Reason.PROVIDER_REJECTED_CREDENTIALS


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"secret_id": "other"}, "AuthFailure.SecretIdNotFound"),
        ({"secret_key": "wrong"}, "AuthFailure.SignatureFailure"),
        ({"region": "ap-nowhere"}, "UnsupportedRegion"),
        ({"sms_sdk_app_id": "1400007777"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
    ],
)
async def test_a_wrong_entry_is_not_blamed_on_the_messages(
    stage: TencentStage, entry: dict[str, str], code: str
) -> None:
    results = await stage.results(an_sms(1), an_sms(2), an_sms(3, code="other"), concurrency=1, **entry)
    assert results == [Retry(REFUSED, f"tencent {code}")] * 3
    assert stage.arrived() == 1


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"channel": "email"}, "channel: "),
        ({"secret_id": "geheim\n"}, "secret_id: must be valid in a header"),
        ({"secret_key": "geheim\n"}, "secret_key: must be valid in a header"),
        ({"sms_sdk_app_id": "geheim"}, "sms_sdk_app_id: "),
        ({"region": "geheim.example"}, "region: "),
        ({"sign_name": "geheim\n"}, "sign_name: "),
    ],
)
def test_a_wrong_entry_is_refused_without_its_value(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match="provider 1: ") as raised:
        parse([{"name": "tried", **TencentStage.entry, **change}])
    assert complaint in str(raised.value)
    assert "geheim" not in str(raised.value)


def own_library(stage: TencentStage, fields: dict[str, Any], secret_key: str = SECRET_KEY) -> Any:
    """Send with Tencent's own library, and return its response."""
    profile = HttpProfile(protocol="http", endpoint=f"127.0.0.1:{stage.peer.port}", proxy=None)
    client = SmsClient(Credential(SECRET_ID, secret_key), REGION, ClientProfile(httpProfile=profile))
    request = SendSmsRequest()
    request.from_json_string(json.dumps(fields))
    return client.SendSms(request)


async def test_tencents_own_library_takes_our_fields_signs_alike_and_understands_the_answer(
    stage: TencentStage,
) -> None:
    results = await stage.results(an_sms(1), an_sms(2, to=stage.address(Act.REFUSE, 2)))
    response = await asyncio.to_thread(own_library, stage, stage.peer.requests[0].json())
    ours, theirs = stage.peer.requests
    assert (ours.method, ours.path, ours.json()) == (theirs.method, theirs.path, theirs.json())
    names = ("host", "content-type", "x-tc-action", "x-tc-version", "x-tc-region")
    assert [ours.headers[name] for name in names] == [theirs.headers[name] for name in names]
    assert signed_by_us(ours) == ours.headers["authorization"]
    assert signed_by_us(theirs) == theirs.headers["authorization"]
    assert [each.Code for each in response.SendStatusSet] == ["Ok", "FailedOperation.PhoneNumberInBlacklist"]
    assert response.SendStatusSet[0].SerialNo == stage.message_id("log_1")
    assert [type(result) for result in results] == [Sent, Failed]


def signed_by_us(request: Request) -> str:
    at = int(request.headers["x-tc-timestamp"])
    return authorization(SECRET_ID, SECRET_KEY, request.headers["host"], request.body, at)


@pytest.mark.parametrize(
    ("act", "secret_key", "code"),
    [(Act.THROTTLE, SECRET_KEY, "RequestLimitExceeded"), (Act.TAKE, "wrong", "AuthFailure.SignatureFailure")],
)
async def test_tencents_own_library_understands_the_errors(
    stage: TencentStage, act: Act, secret_key: str, code: str
) -> None:
    fields = {"PhoneNumberSet": [stage.address(act)], "SmsSdkAppId": APP_ID, "TemplateId": "1110", "SignName": "腾讯云"}
    with pytest.raises(TencentCloudSDKException) as raised:
        await asyncio.to_thread(own_library, stage, fields, secret_key)
    assert raised.value.code == code
