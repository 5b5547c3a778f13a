"""Codes of Tencent Cloud SMS: of a number in an answer, and of a call that is refused as a whole."""

from providers.outcome_table import OutcomeTable
from providers.result_codes import ResultKind

WAITS = {
    "LimitExceeded.PhoneNumberThirtySecondLimit": 30.0,
    "LimitExceeded.DeliveryFrequencyLimit": 60.0,
    **dict.fromkeys(
        (
            "FailedOperation.MarketingSendTimeConstraint",
            "LimitExceeded.AppCountryOrRegionDailyLimit",
            "LimitExceeded.AppDailyLimit",
            "LimitExceeded.AppGlobalDailyLimit",
            "LimitExceeded.AppMainlandChinaDailyLimit",
            "LimitExceeded.DailyLimit",
            "LimitExceeded.PhoneNumberDailyLimit",
            "LimitExceeded.PhoneNumberOneHourLimit",
            "LimitExceeded.PhoneNumberSameContentDailyLimit",
        ),
        3_600.0,
    ),
}
"""Limits of a number, a country, a day or the time of day, and the wait after each, in seconds. Tencent names none."""

_RATES = (
    "LimitExceeded",
    "LimitExceeded.GlobalSmsSendingRateLimit",
    "RequestLimitExceeded",
    "RequestLimitExceeded.GlobalRegionUinLimitExceeded",
    "RequestLimitExceeded.IPLimitExceeded",
    "RequestLimitExceeded.UinLimitExceeded",
)

_ACCOUNT = (
    "ActionOffline",
    "AuthFailure",
    "AuthFailure.InvalidAuthorization",
    "AuthFailure.InvalidSecretId",
    "AuthFailure.MFAFailure",
    "AuthFailure.SecretIdNotFound",
    "AuthFailure.SignatureExpire",
    "AuthFailure.SignatureFailure",
    "AuthFailure.TokenFailure",
    "AuthFailure.UnauthorizedOperation",
    "FailedOperation.InsufficientBalanceInSmsPackage",
    "InternalError.RequestTimeException",
    "InternalError.RestApiInterfaceNotExist",
    "InternalError.SigFieldMissing",
    "InternalError.SigVerificationFail",
    "InvalidAction",
    "InvalidParameter.AppidAndBizId",
    "InvalidParameterValue.SdkAppIdNotExist",
    "IpInBlacklist",
    "IpNotInWhitelist",
    "NoSuchProduct",
    "NoSuchVersion",
    "UnauthorizedOperation",
    "UnauthorizedOperation.RequestIpNotInWhitelist",
    "UnauthorizedOperation.RequestPermissionDeny",
    "UnauthorizedOperation.SdkAppIdIsDisabled",
    "UnauthorizedOperation.SerivceSuspendDueToArrears",
    "UnauthorizedOperation.ServiceSuspendDueToArrears",
    "UnauthorizedOperation.SmsSdkAppIdVerifyFail",
    "UnsupportedProtocol",
    "UnsupportedRegion",
)
"""Codes of the account, its keys, its credit, and the settings of the entry."""

_UNDECIDED = (
    "InternalError",
    "InternalError.OtherError",
    "InternalError.ParseBackendResponseFail",
    "InternalError.SendAndRecvFail",
    "InternalError.Timeout",
    "InternalError.UnknownError",
    "ResponseSizeLimitExceeded",
)
"""Faults inside of Tencent. It does not say that the message was not taken."""

_ONE_NUMBER = {
    "FailedOperation.PhoneNumberInBlacklist": ResultKind.BLOCKED,
    "FailedOperation.PhoneNumberParseFail": ResultKind.INVALID_RECIPIENT,
    "InvalidParameterValue.IncorrectPhoneNumber": ResultKind.INVALID_RECIPIENT,
    "LimitExceeded.AppCountryOrRegionInBlacklist": ResultKind.COUNTRY_REFUSED,
    "LimitExceeded.PhoneNumberCountLimit": ResultKind.REJECTED,
    "UnsupportedOperation.UnsupportedRegion": ResultKind.COUNTRY_REFUSED,
}

_EACH_MESSAGE = {
    "FailedOperation.ContainSensitiveWord": ResultKind.INVALID_CONTENT,
    "InvalidParameter.DirtyWordFound": ResultKind.INVALID_CONTENT,
    "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter": ResultKind.INVALID_CONTENT,
    "InvalidParameterValue.TemplateParameterFormatError": ResultKind.INVALID_CONTENT,
    "InvalidParameterValue.ContentLengthLimit": ResultKind.TOO_LONG,
    "InvalidParameterValue.TemplateParameterLengthLimit": ResultKind.TOO_LONG,
    # The template or the sign is of the other side of the border.
    "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone": ResultKind.COUNTRY_REFUSED,
    "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber": ResultKind.COUNTRY_REFUSED,
    "UnsupportedOperation.ContainDomesticPhoneNumber": ResultKind.COUNTRY_REFUSED,
    "UnsupportedOperation.GlobalTemplateToChineseMainlandPhone": ResultKind.COUNTRY_REFUSED,
    **dict.fromkeys(
        (
            # A mapping is wrong. A pause of the provider would hold up the messages of other templates.
            "FailedOperation.SignatureIncorrectOrUnapproved",
            "FailedOperation.TemplateIdNotExist",
            "FailedOperation.TemplateIncorrectOrUnapproved",
            "FailedOperation.TemplateParamSetNotMatchApprovedTemplate",
            "FailedOperation.TemplateUnapprovedOrNotExist",
            "UnauthorizedOperation.IndividualUserMarketingSmsPermissionDeny",
            # The call has a wrong form.
            "FailedOperation.FailResolvePacket",
            "FailedOperation.JsonParseFail",
            "InternalError.JsonParseFail",
            "InvalidRequest",
            "MissingParameter",
            "MissingParameter.EmptyPhoneNumberSet",
            "UnknownParameter",
        ),
        ResultKind.REJECTED,
    ),
}
"""Codes of the sign, the template and the parameters, which all messages of a call share."""

_UNSPECIFIED = (
    "FailedOperation",
    "FailedOperation.OtherError",
    "FailedOperation.ParametersOtherError",
    "InvalidParameter",
    "InvalidParameter.InvalidParameters",
    "InvalidParameterValue",
    "UnsupportedOperation",
)

TABLE = OutcomeTable(
    vendor="tencent",
    page="https://cloud.tencent.com/document/api/382/52075",
    codes={
        **_ONE_NUMBER,
        **_EACH_MESSAGE,
        **dict.fromkeys(_UNSPECIFIED, ResultKind.REJECTED),
        **dict.fromkeys(_ACCOUNT, ResultKind.CREDENTIALS),
        **dict.fromkeys((*_RATES, *WAITS), ResultKind.RATE_LIMITED),
        **dict.fromkeys(("ResourceInsufficient", "ResourceUnavailable", "ServiceUnavailable"), ResultKind.UNAVAILABLE),
        **dict.fromkeys(_UNDECIDED, ResultKind.NO_ANSWER),
    },
    blame_no_message=frozenset(_EACH_MESSAGE),
)
"""Codes of refusals, of a number or of a call. A code is the name of a family, or one and a detail after a dot."""


def family_of(code: str) -> str:
    """Return the family of a code: `InternalError` of `InternalError.Timeout`."""
    return code.partition(".")[0]


def deciding_code(code: str) -> str:
    """Return the code whose result counts: the code itself, or its family if only that is known.

    A family of refusals says nothing about a new detail. That is then shown and counted as unknown.
    """
    of_family = TABLE.codes.get(family_of(code), ResultKind.REJECTED)
    return code if code in TABLE.codes or of_family is ResultKind.REJECTED else family_of(code)
