"""Kind `ses`: e-mail through the API v2 of Amazon SES."""

import logging
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from core.addresses.mailbox import split_mailbox
from core.json_bytes import json_bytes
from core.send_result import Message, Retry, SendResult, Sent
from providers.http_api import ApiAnswer, HttpApi, HttpRequest, OneForAll, Results, result_of_status
from providers.http_api_provider import HttpApiProvider
from providers.http_client import HttpUrl
from providers.http_entry import HeaderSecret, VendorEntry
from providers.mail_entry import MailEntry
from providers.message_ids import message_id_of
from providers.network import Network
from providers.outcome_table import OutcomeTable
from providers.result_codes import ResultKind
from providers.vendors.ses_mail import MAX_SHARED_BYTES, SesMail, bulk_body, encode_mail, encode_mailbox, single_body

MAX_ENTRIES = 50
"""Maximum number of mails of one call.

Source: https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-api.html
"""

_REJECTED = ("BadRequestException", "ValidationError", "INVALID_PARAMETER", "FAILED", "RecipientNotVerified")
_THROTTLED = (
    "TooManyRequestsException",
    "LimitExceededException",
    "ThrottlingException",
    "ACCOUNT_THROTTLED",
    "ACCOUNT_DAILY_QUOTA_EXCEEDED",
)
_ACCOUNT = (
    "SenderNotVerified",
    "MailFromDomainNotVerifiedException",
    "MAIL_FROM_DOMAIN_NOT_VERIFIED",
    "AccountSuspendedException",
    "ACCOUNT_SUSPENDED",
    "SendingPausedException",
    "ACCOUNT_SENDING_PAUSED",
    "CONFIGURATION_SET_SENDING_PAUSED",
    "NotFoundException",
    "CONFIGURATION_SET_NOT_FOUND",
    "CONFIGURATION_SET_DOES_NOT_EXIST",
    "TEMPLATE_NOT_FOUND",
    "TEMPLATE_DOES_NOT_EXIST",
    "INVALID_SENDING_POOL_NAME",
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "NotAuthorized",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)
"""Codes of the account, its keys and its configuration. They would refuse each mail."""

TABLE = OutcomeTable(
    vendor="ses",
    page="https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_BulkEmailEntryResult.html",
    codes={
        "MessageRejected": ResultKind.INVALID_CONTENT,
        "MESSAGE_REJECTED": ResultKind.INVALID_CONTENT,
        "RequestEntityTooLargeException": ResultKind.TOO_LONG,
        "TRANSIENT_FAILURE": ResultKind.UNAVAILABLE,
        **dict.fromkeys(_REJECTED, ResultKind.REJECTED),
        **dict.fromkeys(_THROTTLED, ResultKind.RATE_LIMITED),
        **dict.fromkeys(_ACCOUNT, ResultKind.CREDENTIALS),
    },
)
"""Exceptions of a call, and statuses of the mails in it. `RecipientNotVerified` and `SenderNotVerified` are ours."""

_UNVERIFIED = "Email address is not verified"
"""Beginning of the text of a refusal that has the code of refused content, but names addresses.

Source: https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
"""


class SesEntry(MailEntry, VendorEntry):
    """Settings of an account of Amazon SES in one region."""

    kind: Literal["ses"]
    base_url: HttpUrl = Field(
        default="https://email.{region}.amazonaws.com", description="URL of the API. {region} is replaced."
    )
    region: str = Field(pattern=r"^[a-z0-9-]{1,40}$", description="AWS region, such as eu-west-1")
    access_key_id: HeaderSecret = Field(description="access key with the permissions of docs/providers/ses.md")
    secret_access_key: HeaderSecret = Field(description="secret of the access key. It signs, and is never sent.")
    session_token: HeaderSecret | None = Field(default=None, description="token of temporary credentials")
    configuration_set: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$", description="configuration set, which publishes the events"
    )

    @model_validator(mode="after")
    def _signing(self) -> Self:
        if find_spec("botocore") is None:
            raise ValueError("the kind ses needs the library botocore. Install it: pip install rollcall[ses]")
        return self


class SesApi(HttpApi[SesMail]):
    """SendEmail for one mail, and SendBulkEmail for several."""

    batch_size = MAX_ENTRIES

    def __init__(self, entry: SesEntry) -> None:
        self.check_url = entry.base_url.replace("{region}", entry.region).rstrip("/")
        self._sender = split_mailbox(entry.sender)[1]
        self._bulk_headers = entry.bulk_headers()
        self._options: dict[str, Any] = {"FromEmailAddress": encode_mailbox(entry.sender)}
        if entry.configuration_set is not None:
            self._options["ConfigurationSetName"] = entry.configuration_set
        self._sign = _signer(entry)

    def encode(self, message: Message) -> SesMail:
        """Return the message with its texts as JSON. Raises UnsendableError."""
        return encode_mail(message, self._bulk_headers)

    def groups(self, messages: Sequence[SesMail]) -> list[list[int]]:
        """Put the mails into as few calls as their sizes allow, and each that cannot share one into its own."""
        shared = [place for place, mail in enumerate(messages) if mail.data]
        alone = [[place] for place, mail in enumerate(messages) if not mail.data]
        if shared and len({messages[place].data for place in shared}) == 1:  # then a call has the texts once
            return [shared, *alone]
        calls: list[list[int]] = []
        size = MAX_SHARED_BYTES
        for place in shared:
            size += messages[place].size
            if size > MAX_SHARED_BYTES:
                calls.append([])
                size = messages[place].size
            calls[-1].append(place)
        return calls + alone

    def request(self, messages: Sequence[SesMail]) -> HttpRequest:
        """Return the call, signed."""
        body = {**self._options, **(bulk_body(messages) if len(messages) > 1 else single_body(messages[0]))}
        if (reply_to := messages[0].message.reply_to) is not None:
            body["ReplyToAddresses"] = [encode_mailbox(reply_to)]
        url = f"{self.check_url}/v2/email/outbound-{'bulk-' if len(messages) > 1 else ''}emails"
        content = json_bytes(body)
        return HttpRequest(url, content, self._sign(url, content))

    def results(self, messages: Sequence[SesMail], answer: ApiAnswer) -> Results:
        """Return the result of each mail, or that of an exception. A mail without a status may have been taken."""
        if answer.status == 200:
            entries = _entries(answer.fields(), len(messages))
            results = [self._result(mail, entry, answer) for mail, entry in zip(messages, entries, strict=True)]
            # The next call would have the same answer.
            return OneForAll(results[0]) if isinstance(results[0], Retry) and len(set(results)) == 1 else results
        code, text = _error(answer)
        if answer.status // 100 == 4 and (code in TABLE.codes or (code and answer.status == 400)):
            return TABLE.one_for_all(self._cause(code, text, messages))
        return OneForAll(result_of_status(answer))

    def _result(self, mail: SesMail, entry: Any, answer: ApiAnswer) -> SendResult:
        """Return the result of one mail of an answer with 200."""
        fields = entry if isinstance(entry, dict) else {}
        status = str(fields.get("Status"))
        if status == "SUCCESS":
            return Sent(message_id_of(fields.get("MessageId"), mail.message), "HTTP 200")
        if status in TABLE.codes:
            return TABLE.result(self._cause(status, str(fields.get("Error")), [mail]))
        return result_of_status(answer)

    def _cause(self, code: str, text: str, mails: Sequence[SesMail]) -> str:
        """Return the code. If a sender or a recipient is not verified, return a code of ours."""
        if not text.startswith(_UNVERIFIED) or code not in {"MessageRejected", "MESSAGE_REJECTED"}:
            return code
        recipients = [address for mail in mails for address in (mail.message.to, *mail.message.cc)]
        is_recipient = self._sender not in text and any(address in text for address in recipients)
        return "RecipientNotVerified" if is_recipient else "SenderNotVerified"


class SesProvider(HttpApiProvider[SesMail]):
    """Provider of one account of Amazon SES in one region."""

    def __init__(self, entry: SesEntry, network: Network | None = None) -> None:
        super().__init__(entry, SesApi(entry), network)


def _entries(fields: Mapping[str, Any], mails: int) -> list[Any]:
    """Return what an answer with 200 says about each mail. Another number of entries than mails says nothing."""
    if mails == 1:
        return [{**fields, "Status": "SUCCESS"} if fields.get("MessageId") else None]
    entries = fields.get("BulkEmailEntryResults")
    return entries if isinstance(entries, list) and len(entries) == mails else [None] * mails


def _error(answer: ApiAnswer) -> tuple[str, str]:
    """Return the code and the text of an exception. The code is empty if there is none.

    Source: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
    """
    fields = answer.fields()
    code = answer.headers.get("X-Amzn-ErrorType") or fields.get("__type") or fields.get("code") or ""
    text = fields.get("message") or fields.get("Message")
    return str(code).partition(":")[0].rpartition("#")[2], str(text)


def _signer(entry: SesEntry) -> Callable[[str, bytes], Mapping[str, str]]:
    """Return a function from the URL and the body of a POST to the headers of its signature (Signature Version 4)."""
    from botocore.auth import SigV4Auth  # noqa: PLC0415  # 18 MB that only this kind needs
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    logging.getLogger("botocore.auth").setLevel(logging.WARNING)  # at debug level it prints the token
    token = entry.session_token.get_secret_value() if entry.session_token else None
    keys = Credentials(entry.access_key_id.get_secret_value(), entry.secret_access_key.get_secret_value(), token)
    signature = SigV4Auth(keys, "ses", entry.region)

    def sign(url: str, content: bytes) -> Mapping[str, str]:
        request = AWSRequest("POST", url, {"Content-Type": "application/json"}, content)
        signature.add_auth(request)
        return {name: value for name, value in request.headers.items() if name != "Content-Type"}

    return sign
