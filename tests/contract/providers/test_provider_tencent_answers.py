"""Kind `tencent`: what the status of a number and the error of a call mean, and to whom they belong."""

from typing import Any

import pytest

from core.send_result import Failed, Retry, SendResult, Sent, Uncertain
from schemas.statuses import Reason
from tests.contract.providers.servers import Act
from tests.contract.providers.vendors.server import Answer
from tests.contract.providers.vendors.tencent import TencentStage, an_sms, answer, error, status

KIND = "tencent"

UNKNOWN = Uncertain(Reason.NO_ANSWER, "HTTP 200")
REFUSED = Reason.PROVIDER_REJECTED_CREDENTIALS
LIMITED = Reason.RATE_LIMITED


CODES: list[tuple[str, type[SendResult], Reason, float | None]] = [
    ("FailedOperation.PhoneNumberInBlacklist", Failed, Reason.BLOCKED, None),
    ("FailedOperation.PhoneNumberParseFail", Failed, Reason.INVALID_RECIPIENT, None),
    ("InvalidParameterValue.IncorrectPhoneNumber", Failed, Reason.INVALID_RECIPIENT, None),
    ("LimitExceeded.AppCountryOrRegionInBlacklist", Failed, Reason.COUNTRY_REFUSED, None),
    ("UnsupportedOperation.UnsupportedRegion", Failed, Reason.COUNTRY_REFUSED, None),
    ("UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone", Failed, Reason.COUNTRY_REFUSED, None),
    ("UnsupportedOperation.GlobalTemplateToChineseMainlandPhone", Failed, Reason.COUNTRY_REFUSED, None),
    ("FailedOperation.ContainSensitiveWord", Failed, Reason.INVALID_CONTENT, None),
    ("InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", Failed, Reason.INVALID_CONTENT, None),
    ("InvalidParameterValue.TemplateParameterFormatError", Failed, Reason.INVALID_CONTENT, None),
    ("InvalidParameterValue.ContentLengthLimit", Failed, Reason.TOO_LONG, None),
    ("InvalidParameterValue.TemplateParameterLengthLimit", Failed, Reason.TOO_LONG, None),
    ("FailedOperation.SignatureIncorrectOrUnapproved", Failed, Reason.REJECTED, None),
    ("FailedOperation.TemplateIncorrectOrUnapproved", Failed, Reason.REJECTED, None),
    ("FailedOperation.OtherError", Failed, Reason.REJECTED, None),
    ("FailedOperation.InsufficientBalanceInSmsPackage", Retry, REFUSED, None),
    ("UnauthorizedOperation.SdkAppIdIsDisabled", Retry, REFUSED, None),
    ("AuthFailure.SignatureExpire", Retry, REFUSED, None),
    ("InternalError.RequestTimeException", Retry, REFUSED, None),
    ("LimitExceeded.PhoneNumberThirtySecondLimit", Retry, LIMITED, 30),
    ("LimitExceeded.DeliveryFrequencyLimit", Retry, LIMITED, 60),
    ("LimitExceeded.AppDailyLimit", Retry, LIMITED, 3_600),
    ("FailedOperation.MarketingSendTimeConstraint", Retry, LIMITED, 3_600),
    ("LimitExceeded.GlobalSmsSendingRateLimit", Retry, LIMITED, None),
    ("RequestLimitExceeded.IPLimitExceeded", Retry, LIMITED, None),
    ("ServiceUnavailable", Retry, Reason.UNAVAILABLE, None),
    ("InternalError.Timeout", Uncertain, Reason.NO_ANSWER, None),
    ("InternalError.SendAndRecvFail", Uncertain, Reason.NO_ANSWER, None),
    ("InternalError.OtherError", Uncertain, Reason.NO_ANSWER, None),
]


@pytest.mark.parametrize("whole", [False, True], ids=["number", "call"])
@pytest.mark.parametrize(("code", "kind", "reason", "wait"), CODES, ids=[code for code, *_ in CODES])
async def test_each_code_has_its_result(
    stage: TencentStage, code: str, kind: Any, reason: Reason, wait: float | None, *, whole: bool
) -> None:
    sms = an_sms(1)
    (result,) = await stage.results(sms, answer=error(code) if whole else answer(status(sms.to, code)))
    assert result == (kind(reason, f"tencent {code}", wait) if kind is Retry else kind(reason, f"tencent {code}"))


NUMBER = an_sms(1).to


@pytest.mark.parametrize(
    ("given", "expected", "counted"),
    [
        (
            answer(status(NUMBER, "FailedOperation.New")),
            Failed(Reason.REJECTED, "tencent FailedOperation.New"),
            "FailedOperation.New",
        ),
        (error("Surprise.New"), Failed(Reason.REJECTED, "tencent Surprise.New"), "Surprise.New"),
        (error(NUMBER), Failed(Reason.REJECTED, "tencent (unknown)"), "(unknown)"),
        (error("AuthFailure.New"), Retry(REFUSED, "tencent AuthFailure"), None),
        (answer(status(NUMBER, "LimitExceeded.New")), Retry(LIMITED, "tencent LimitExceeded"), None),
        (answer(status(NUMBER, "InternalError.New")), Uncertain(Reason.NO_ANSWER, "tencent InternalError"), None),
        (answer(status(NUMBER, "OK")), UNKNOWN, None),
        (answer({"PhoneNumber": NUMBER}), UNKNOWN, None),
        (error(None), UNKNOWN, None),
        (Answer(200, {"Response": {"RequestId": "a0aabda6"}}), UNKNOWN, None),
        (Answer(500, error("FailedOperation").body), Uncertain(Reason.NO_ANSWER, "HTTP 500"), None),
        (Answer(400, error("FailedOperation").body), Retry(Reason.UNAVAILABLE, "HTTP 400"), None),
    ],
)
async def test_a_code_that_is_not_in_the_table_counts_as_its_family_says(
    stage: TencentStage, given: Answer, expected: SendResult, counted: str | None
) -> None:
    (result,) = await stage.results(an_sms(1), answer=given)
    assert result == expected
    assert getattr(result, "unknown_code", None) == counted


SENT = Sent("5000:1045710669157053657849000001", "tencent Ok")
BLOCKED = Failed(Reason.BLOCKED, "tencent FailedOperation.PhoneNumberInBlacklist")

UNAVAILABLE = Retry(Reason.UNAVAILABLE, "tencent ServiceUnavailable")


def taken(number: int) -> dict[str, Any]:
    return status(an_sms(number).to, "Ok", "5000:1045710669157053657849000001")


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([taken(1), status(an_sms(2).to, "FailedOperation.PhoneNumberInBlacklist"), taken(3)], [SENT, BLOCKED, SENT]),
        ([status(an_sms(1).to, "ServiceUnavailable"), taken(2), taken(3)], [UNAVAILABLE, SENT, SENT]),
        ([taken(1), taken(3)], [SENT, UNKNOWN, UNKNOWN]),
        ([taken(1), taken(2), taken(3), taken(4)], [UNKNOWN] * 3),
        ([taken(2), taken(1), taken(3)], [UNKNOWN, UNKNOWN, SENT]),
        ([None, taken(2), 7], [UNKNOWN, SENT, UNKNOWN]),
        ([], [UNKNOWN] * 3),
    ],
)
async def test_a_status_counts_only_for_the_number_at_its_place(
    stage: TencentStage, statuses: list[Any], expected: list[SendResult]
) -> None:
    assert await stage.results(*map(an_sms, (1, 2, 3)), answer=answer(*statuses)) == expected


@pytest.mark.parametrize(
    ("code", "calls"),
    [
        ("FailedOperation.TemplateIncorrectOrUnapproved", 1),
        ("InvalidParameterValue.TemplateParameterLengthLimit", 1),
        ("UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone", 1),
        ("InvalidParameterValue.IncorrectPhoneNumber", 7),
        ("FailedOperation.New", 7),
    ],
)
async def test_a_refused_call_is_divided_unless_each_message_would_be_refused(
    stage: TencentStage, code: str, calls: int
) -> None:
    results = await stage.results(*map(an_sms, range(4)), answer=error(code))
    assert {result.error for result in results if isinstance(result, Failed)} == {f"tencent {code}"}
    assert stage.arrived() == calls


@pytest.mark.parametrize(
    ("code", "calls"),
    [
        ("FailedOperation.InsufficientBalanceInSmsPackage", 1),
        ("LimitExceeded.GlobalSmsSendingRateLimit", 1),
        ("LimitExceeded.PhoneNumberThirtySecondLimit", 2),
    ],
)
async def test_only_a_refusal_of_the_account_ends_the_batch(stage: TencentStage, code: str, calls: int) -> None:
    number = stage.address(Act.TAKE)
    messages = [an_sms(1, to=number, code="one"), an_sms(2, to=number, code="two")]
    results = await stage.results(*messages, answer=answer(status(number, code)), concurrency=1)
    assert [result.error for result in results if isinstance(result, Retry)] == [f"tencent {code}"] * 2
    assert stage.arrived() == calls
