"""Kind `aliyun`: what a call contains, and how a batch is divided into calls."""

import pytest

from core.send_result import Failed, Retry, Sent
from core.vendor_template import VendorTemplate
from providers.config_file import parse
from providers.draft import WITHDRAWN
from schemas.statuses import Reason
from tests.contract.providers.servers import Act
from tests.contract.providers.stage import VENDOR_TEMPLATE
from tests.contract.providers.vendors.aliyun import AliyunStage, answer
from tests.support.drafts import a_draft

KIND = "aliyun"

STRANGE = '张三 & Zoë: "1+1=2" ~*%{}\\'
OTHER_SIGN = VendorTemplate(VENDOR_TEMPLATE.template_code, "", VENDOR_TEMPLATE.parameter_order)


def calls(stage: AliyunStage) -> list[tuple[str, int]]:
    """Return the action and the number of messages of each call."""
    return [(request.headers["x-acs-action"], len(stage.peer.addresses(request))) for request in stage.peer.requests]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([STRANGE], [("SendSms", 1)]),
        ([STRANGE] * 1_000, [("SendSms", 1_000)]),
        ([STRANGE, "4712"], [("SendBatchSms", 2)]),
        (
            [f"{STRANGE}{number}" for number in range(201)],
            [("SendBatchSms", 100), ("SendBatchSms", 100), ("SendSms", 1)],
        ),
    ],
    ids=["one", "equal", "two", "many"],
)
async def test_a_batch_is_divided_by_its_parameters_and_each_number_gets_its_own(
    stage: AliyunStage, codes: list[str], expected: list[tuple[str, int]]
) -> None:
    messages = [stage.sms(number, code) for number, code in enumerate(codes)]
    results = await stage.results(*messages)
    assert calls(stage) == expected
    assert [(sms.number, sms.parameters) for sms in stage.peer.messages] == [
        (message.to.removeprefix("+"), {"code": code}) for message, code in zip(messages, codes, strict=True)
    ]
    assert results == [Sent(stage.message_id(message.id), "aliyun OK") for message in messages]


async def test_only_a_call_with_one_message_carries_a_delivery_id(stage: AliyunStage) -> None:
    await stage.results(stage.sms(1))
    await stage.results(stage.sms(2), stage.sms(3))
    assert [request.query.get("OutId") for request in stage.peer.requests] == ["log_1", None]


async def test_a_template_without_parameters_is_sent_without_them(stage: AliyunStage) -> None:
    stage.peer.strange = answer("OK", "900619746936498440^0").encode()
    await stage.results(stage.sms(vendor_templates={"tried": VendorTemplate("SMS_1", "云通信")}))
    assert stage.peer.requests[0].query == {
        "OutId": "log_1",
        "PhoneNumbers": stage.sms().to[1:],
        "SignName": "云通信",
        "TemplateCode": "SMS_1",
    }


@pytest.mark.parametrize(
    ("template", "sign_name"),
    [(VENDOR_TEMPLATE, "another"), (OTHER_SIGN, VENDOR_TEMPLATE.sign_name)],
    ids=["of the mapping", "of the entry"],
)
async def test_the_sign_name_of_the_mapping_goes_before_that_of_the_entry(
    stage: AliyunStage, template: VendorTemplate, sign_name: str
) -> None:
    message = stage.sms(vendor_templates={"tried": template})
    assert isinstance((await stage.results(message, sign_name=sign_name))[0], Sent)


@pytest.mark.parametrize(
    ("templates", "missing"), [({"other": VENDOR_TEMPLATE}, "no mapping"), ({"tried": OTHER_SIGN}, "no sign_name")]
)
async def test_a_message_without_a_mapping_or_a_sign_name_is_not_offered(
    stage: AliyunStage, templates: dict[str, VendorTemplate], missing: str
) -> None:
    (result,) = await stage.results(stage.sms(vendor_templates=templates))
    assert isinstance(result, Failed)
    assert (result, result.offered) == (Failed(Reason.TEMPLATE_NOT_MAPPED, missing), False)
    assert stage.arrived() == 0


async def test_a_number_with_too_many_messages_is_found_and_waits_alone(stage: AliyunStage) -> None:
    acts = [Act.TAKE, Act.TAKE, Act.TAKE, Act.UNAVAILABLE, Act.TAKE]
    results = await stage.results(*(stage.sms(number, act=act) for number, act in enumerate(acts)))
    waits = Retry(Reason.UNAVAILABLE, "aliyun isv.BUSINESS_LIMIT_CONTROL", 60.0)
    assert [result for result, act in zip(results, acts, strict=True) if act is Act.UNAVAILABLE] == [waits]
    assert sorted(stage.taken()) == ["log_0", "log_1", "log_2", "log_4"]


async def test_parameters_that_are_refused_harm_no_other_message_of_the_call(stage: AliyunStage) -> None:
    results = await stage.results(*(stage.sms(number, "1" * 12 * number) for number in range(1, 5)))
    too_long = [Failed(Reason.TOO_LONG, "aliyun isv.PARAM_LENGTH_LIMIT")] * 2
    assert results[2:] == too_long
    assert sorted(stage.taken()) == ["log_1", "log_2"]


async def test_nothing_of_a_call_without_a_body_leaves_if_the_message_is_withdrawn(stage: AliyunStage) -> None:
    provider, draft = stage.provider(), a_draft(stage.sms())
    draft.may_leave = iter([True, False]).__next__  # while it is prepared, and before its first byte
    results = await provider.send([draft])
    await provider.aclose()
    assert results == [WITHDRAWN]
    assert stage.arrived() == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("access_key_id", "geheim\n"),
        ("access_key_secret", ""),
        ("sign_name", "geheim" * 11),
        ("channel", "email"),
    ],
)
def test_a_wrong_entry_is_refused_and_its_value_is_not_shown(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"provider 1: {field}: ") as refused:
        parse([{"name": "tried", **AliyunStage.entry, field: value}])
    assert "geheim" not in str(refused.value)
