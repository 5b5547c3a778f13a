"""Kind `aliyun`: what each answer means, for one message and for a call with several."""

import pytest

from core.send_result import Failed, HiddenMessageId, Retry, SendResult, Sent, Uncertain
from schemas.statuses import Reason
from tests.contract.providers.vendors.aliyun import AliyunStage, answer, error
from tests.contract.providers.vendors.server import Answer

KIND = "aliyun"

NUMBER = "8613800000000"
WAIT = {"x-acs-retry-after": "1500"}


def uncertain(error: str) -> Uncertain:
    return Uncertain(Reason.NO_ANSWER, error)


def refused(reason: Reason, code: str) -> tuple[Answer, SendResult]:
    return answer(code), Failed(reason, f"aliyun {code}")


def of_account(given: Answer) -> tuple[Answer, SendResult]:
    return given, Retry(Reason.PROVIDER_REJECTED_CREDENTIALS, f"aliyun {given.body['Code']}")


def limited(given: Answer, delay_seconds: float | None = None) -> tuple[Answer, SendResult]:
    return given, Retry(Reason.RATE_LIMITED, f"aliyun {given.body['Code']}", delay_seconds)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer("OK", "900619746936498440^0"), Sent("900619746936498440^0", "aliyun OK")),
        (answer("OK", NUMBER), Sent(HiddenMessageId(NUMBER), "aliyun OK")),
        (answer("OK"), Sent(None, "aliyun OK")),
        refused(Reason.INVALID_RECIPIENT, "isv.MOBILE_NUMBER_ILLEGAL"),
        refused(Reason.BLOCKED, "isv.BLACK_KEY_CONTROL_LIMIT"),
        refused(Reason.BLOCKED, "isv.CUSTOMER_REFUSED"),
        refused(Reason.COUNTRY_REFUSED, "isv.DOMESTIC_NUMBER_NOT_SUPPORTED"),
        refused(Reason.INVALID_CONTENT, "isv.SMS_CONTENT_ILLEGAL"),
        refused(Reason.INVALID_CONTENT, "isv.PARAM_NOT_SUPPORT_URL"),
        refused(Reason.INVALID_CONTENT, "isv.TEMPLATE_MISSING_PARAMETERS"),
        refused(Reason.TOO_LONG, "isv.PARAM_LENGTH_LIMIT"),
        refused(Reason.REJECTED, "isv.SMS_TEMPLATE_ILLEGAL"),
        refused(Reason.REJECTED, "isv.SMS_SIGNATURE_ILLEGAL"),
        refused(Reason.REJECTED, "isv.SMS_TEST_NUMBER_LIMIT"),
        refused(Reason.REJECTED, "isv.MOBILE_COUNT_OVER_LIMIT"),
        refused(Reason.REJECTED, "isv.INVALID_PARAMETERS"),
        refused(Reason.REJECTED, "isv.NEW_CODE"),
        of_account(answer("isv.AMOUNT_NOT_ENOUGH")),
        of_account(answer("isv.OUT_OF_SERVICE")),
        of_account(answer("isv.DAY_LIMIT_CONTROL")),
        of_account(answer("isv.DENY_IP_RANGE")),
        of_account(answer("isp.RAM_PERMISSION_DENY")),
        of_account(error(404, "InvalidAccessKeyId.NotFound")),
        of_account(error(400, "SignatureDoesNotMatch")),
        of_account(error(400, "InvalidTimeStamp.Expired")),
        limited(error(400, "Throttling.User", WAIT), 1.5),
        (error(400, "Throttling.New"), Retry(Reason.RATE_LIMITED, "aliyun Throttling")),
        limited(error(400, "Throttling.Api", {"x-acs-retry-after": "soon"})),
        (answer("isp.SYSTEM_ERROR"), uncertain("aliyun isp.SYSTEM_ERROR")),
        (answer("isp.GATEWAY_ERROR"), uncertain("aliyun isp.GATEWAY_ERROR")),
        (error(400, "SignatureNonceUsed"), uncertain("aliyun SignatureNonceUsed")),
        # Codes that are not in the table.
        (answer("isp.NEW_CODE"), uncertain("HTTP 200")),
        (answer(f"isv.{NUMBER}"), Failed(Reason.REJECTED, "aliyun (unknown)")),
        (error(400, "MissingPhoneNumbers"), Failed(Reason.REJECTED, "aliyun MissingPhoneNumbers")),
        (error(403, "Forbidden.New"), Retry(Reason.PROVIDER_REJECTED_CREDENTIALS, "HTTP 403")),
        (error(429, "Limited.New", WAIT), Retry(Reason.RATE_LIMITED, "HTTP 429", 1.5)),
        # A status or a body that is not that of the API.
        (error(500, "InternalError"), uncertain("HTTP 500")),
        (error(503, "Throttling.User"), uncertain("HTTP 503")),
        (error(503, "ServiceUnavailable"), uncertain("HTTP 503")),
        (Answer(202, answer("OK").body), uncertain("HTTP 202")),
        (Answer(200, {"Code": ["OK"]}), uncertain("HTTP 200")),
        (Answer(400, {"Code": ""}), Retry(Reason.UNAVAILABLE, "HTTP 400")),
        (Answer(414, b"<html>"), Failed(Reason.TOO_LONG, "aliyun 414")),
    ],
)
async def test_each_answer_has_its_result(stage: AliyunStage, given: Answer, expected: SendResult) -> None:
    stage.peer.strange = given.encode()
    results = await stage.results(stage.sms())
    assert results == [expected]
    assert NUMBER not in repr(results)


@pytest.mark.parametrize(
    ("given", "equal", "different"),
    [
        (answer("isv.SMS_TEMPLATE_ILLEGAL"), 1, 1),
        (answer("isv.SMS_SIGNATURE_ILLEGAL"), 1, 1),
        (answer("isv.SMS_CONTENT_ILLEGAL"), 1, 7),
        (answer("isv.PARAM_LENGTH_LIMIT"), 1, 7),
        (answer("isv.MOBILE_NUMBER_ILLEGAL"), 7, 7),
        (answer("isv.NEW_CODE"), 7, 7),
        (Answer(414), 7, 7),
        (answer("isv.AMOUNT_NOT_ENOUGH"), 1, 1),
    ],
)
async def test_a_refused_call_is_repeated_in_halves_only_if_another_message_may_be_to_blame(
    stage: AliyunStage, given: Answer, equal: int, different: int
) -> None:
    stage.peer.strange = given.encode()
    first = await stage.results(*(stage.sms(number) for number in range(4)))
    assert stage.arrived() == equal
    second = await stage.results(*(stage.sms(number, f"{number}") for number in range(4)))
    assert stage.arrived() == equal + different
    assert len({*first, *second}) == 1
