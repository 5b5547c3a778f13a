"""Kind `ses`: what each answer means, for one mail and for each mail of a call."""

from dataclasses import replace
from typing import Any

import pytest

from core.send_result import Failed, Retry, SendResult, Sent, Uncertain
from schemas.statuses import Reason
from tests.contract.providers.vendors.server import Answer
from tests.contract.providers.vendors.ses import UNVERIFIED, VERIFIED, SesStage, a_mail, exception

KIND = "ses"

UNAVAILABLE, RATE_LIMITED, CREDENTIALS = (
    Reason.UNAVAILABLE,
    Reason.RATE_LIMITED,
    Reason.PROVIDER_REJECTED_CREDENTIALS,
)
UNCERTAIN = Uncertain(Reason.NO_ANSWER, "HTTP 200")


def rejected(code: str) -> Failed:
    return Failed(Reason.REJECTED, f"ses {code}")


def of_account(code: str) -> Retry:
    return Retry(CREDENTIALS, f"ses {code}")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (exception(400, "MessageRejected"), Failed(Reason.INVALID_CONTENT, "ses MessageRejected")),
        (exception(400, "MessageRejected", UNVERIFIED + VERIFIED), of_account("SenderNotVerified")),
        (exception(400, "MessageRejected", UNVERIFIED + "take.1@example.com"), rejected("RecipientNotVerified")),
        (
            exception(400, "MessageRejected", f"{UNVERIFIED}{VERIFIED}, take.1@example.com"),
            of_account("SenderNotVerified"),
        ),
        (
            exception(413, "RequestEntityTooLargeException"),
            Failed(Reason.TOO_LONG, "ses RequestEntityTooLargeException"),
        ),
        (exception(400, "BadRequestException"), rejected("BadRequestException")),
        (exception(400, "NewException"), rejected("NewException")),
        (exception(400, "take.1@example.com"), rejected("(unknown)")),
        (exception(404, "NotFoundException"), of_account("NotFoundException")),
        (exception(400, "AccountSuspendedException"), of_account("AccountSuspendedException")),
        (exception(403, "ExpiredTokenException"), of_account("ExpiredTokenException")),
        (exception(403, "NewException"), Retry(CREDENTIALS, "HTTP 403")),
        (exception(400, "ThrottlingException"), Retry(RATE_LIMITED, "ses ThrottlingException")),
        (exception(400, "LimitExceededException"), Retry(RATE_LIMITED, "ses LimitExceededException")),
        (exception(404, "UnknownOperationException"), Retry(UNAVAILABLE, "HTTP 404")),
        (exception(503, "ServiceUnavailable"), Uncertain(Reason.NO_ANSWER, "HTTP 503")),
        (exception(500, "ThrottlingException"), Uncertain(Reason.NO_ANSWER, "HTTP 500")),
        (Answer(400, {"__type": "com.amazonaws.sesv2#SendingPausedException"}), of_account("SendingPausedException")),
        (Answer(400, {"code": "BadRequestException", "message": 7}), rejected("BadRequestException")),
        (Answer(400, {"message": "take.1@example.com"}), Retry(UNAVAILABLE, "HTTP 400")),
        (Answer(200, {"MessageId": None}), UNCERTAIN),
        (Answer(200, {"BulkEmailEntryResults": [{"Status": "SUCCESS", "MessageId": "1"}]}), UNCERTAIN),
    ],
)
async def test_each_answer_for_one_mail_has_its_result(stage: SesStage, answer: Answer, expected: SendResult) -> None:
    stage.peer.strange = answer.encode()
    (result,) = await stage.results(a_mail())
    assert result == expected
    assert "take.1" not in repr(result)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"Status": "MESSAGE_REJECTED"}, Failed(Reason.INVALID_CONTENT, "ses MESSAGE_REJECTED")),
        ({"Status": "MESSAGE_REJECTED", "Error": UNVERIFIED + VERIFIED}, of_account("SenderNotVerified")),
        ({"Status": "MESSAGE_REJECTED", "Error": f"{UNVERIFIED}take.2@example.com"}, rejected("RecipientNotVerified")),
        ({"Status": "INVALID_PARAMETER", "Error": "take.2@example.com"}, rejected("INVALID_PARAMETER")),
        ({"Status": "FAILED"}, rejected("FAILED")),
        ({"Status": "MAIL_FROM_DOMAIN_NOT_VERIFIED"}, of_account("MAIL_FROM_DOMAIN_NOT_VERIFIED")),
        ({"Status": "CONFIGURATION_SET_NOT_FOUND"}, of_account("CONFIGURATION_SET_NOT_FOUND")),
        ({"Status": "TEMPLATE_NOT_FOUND"}, of_account("TEMPLATE_NOT_FOUND")),
        ({"Status": "INVALID_SENDING_POOL_NAME"}, of_account("INVALID_SENDING_POOL_NAME")),
        ({"Status": "ACCOUNT_SUSPENDED"}, of_account("ACCOUNT_SUSPENDED")),
        ({"Status": "ACCOUNT_SENDING_PAUSED"}, of_account("ACCOUNT_SENDING_PAUSED")),
        ({"Status": "CONFIGURATION_SET_SENDING_PAUSED"}, of_account("CONFIGURATION_SET_SENDING_PAUSED")),
        ({"Status": "ACCOUNT_THROTTLED"}, Retry(RATE_LIMITED, "ses ACCOUNT_THROTTLED")),
        ({"Status": "ACCOUNT_DAILY_QUOTA_EXCEEDED"}, Retry(RATE_LIMITED, "ses ACCOUNT_DAILY_QUOTA_EXCEEDED")),
        ({"Status": "TRANSIENT_FAILURE"}, Retry(UNAVAILABLE, "ses TRANSIENT_FAILURE")),
        ({"Status": "SUCCESS"}, Sent(None, "HTTP 200")),
        ({"Status": "take.2@example.com"}, UNCERTAIN),
        ({"Status": ["FAILED"]}, UNCERTAIN),
        ("FAILED", UNCERTAIN),
    ],
)
async def test_each_mail_of_a_call_has_the_result_of_its_status(
    stage: SesStage, status: Any, expected: SendResult
) -> None:
    first = {"Status": "SUCCESS", "MessageId": "010201785a8d3d3f-5c9b3c0e"}
    stage.peer.strange = Answer(200, {"BulkEmailEntryResults": [first, status]}).encode()
    answers = await stage.results(a_mail(1), a_mail(2))
    assert answers == [Sent("010201785a8d3d3f-5c9b3c0e", "HTTP 200"), expected]
    assert "take.2" not in repr(answers)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["FAILED"], [UNCERTAIN, UNCERTAIN]),
        ([], [UNCERTAIN, UNCERTAIN]),
        (["FAILED", "FAILED", "FAILED"], [UNCERTAIN, UNCERTAIN]),
    ],
)
async def test_a_mail_whose_status_is_not_known_is_uncertain(
    stage: SesStage, statuses: list[str], expected: list[SendResult]
) -> None:
    stage.peer.strange = Answer(200, {"BulkEmailEntryResults": [{"Status": status} for status in statuses]}).encode()
    assert await stage.results(a_mail(1), a_mail(2)) == expected


async def test_after_a_call_in_which_every_mail_was_throttled_no_other_is_made(stage: SesStage) -> None:
    status = {"Status": "ACCOUNT_THROTTLED"}
    stage.peer.strange = Answer(200, {"BulkEmailEntryResults": [status] * 4}).encode()
    mails = (a_mail(number, text=str(number) * 200_000) for number in range(6))
    answers = await stage.results(*mails, concurrency=1)
    wait = Retry(RATE_LIMITED, "ses ACCOUNT_THROTTLED")
    assert answers == [wait] * 4 + [replace(wait, offered=False)] * 2
    assert stage.arrived() == 1
