"""Calls of the simulator in the format of each vendor: rollcall's own check and the vendor's library accept them."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key
from sendgrid.helpers.eventwebhook import EventWebhook
from twilio.request_validator import RequestValidator
from vonage_http_client import Auth

from cli.simulator.signing.ses import CERTIFICATE_PATH, SesSigner
from cli.simulator.signing.signed_call import CallbackKeys, ReceiptOutcome, SignedCall, SimulatedReceipt
from cli.simulator.signing.vendors import VENDORS, ReceiptsFormat
from providers.receipts.receipt_format import (
    Callback,
    ForeignCallbackError,
    ReceiptFormat,
    UnsignedCallbackError,
    VendorReceipt,
)
from providers.receipts.receipt_kinds import RECEIPT_KINDS
from providers.receipts.ses import SesReceipts
from schemas.receipts import ReceiptClass, ReceiptStatus
from schemas.statuses import Channel

NOW = datetime.now(UTC).replace(microsecond=0)
PATH_SECRET = "p" * 32
URL = f"https://rollcall.example.org/communication/callback/gateway/{PATH_SECRET}"
ACCOUNTS = {
    ReceiptsFormat.TWILIO: "AC" + "0" * 32,
    ReceiptsFormat.VONAGE: "abcd1234",
    ReceiptsFormat.MAILGUN: "mg.example.org",
    ReceiptsFormat.SES: "arn:aws:sns:eu-west-1:123456789012:mail",
}
TO = {Channel.SMS: "+8613800138000", Channel.EMAIL: "anna@example.com"}
DELIVERY_ID = "log_" + "0" * 26 + "000000001"
RECEIPT = SimulatedReceipt(DELIVERY_ID, f"sim-{DELIVERY_ID}", "", ReceiptOutcome.DELIVERED, NOW - timedelta(seconds=9))
MEANINGS = {
    ReceiptOutcome.SENT: (ReceiptStatus.SENT, None),
    ReceiptOutcome.DELIVERED: (ReceiptStatus.DELIVERED, None),
    ReceiptOutcome.UNDELIVERED: (ReceiptStatus.FAILED, None),
    ReceiptOutcome.HARD_BOUNCE: (ReceiptStatus.FAILED, ReceiptClass.HARD_BOUNCE),
    ReceiptOutcome.SOFT_BOUNCE: (ReceiptStatus.FAILED, ReceiptClass.SOFT_BOUNCE),
    ReceiptOutcome.COMPLAINT: (ReceiptStatus.DELIVERED, ReceiptClass.COMPLAINT),
    ReceiptOutcome.OPT_OUT: (ReceiptStatus.FAILED, ReceiptClass.OPT_OUT),
}
"""Status and class of each outcome."""
MAIL_OPT_OUT = (ReceiptStatus.DELIVERED, ReceiptClass.OPT_OUT)
EXCEPTIONS = {
    **{(name, ReceiptOutcome.OPT_OUT): MAIL_OPT_OUT for name in ("sendgrid", "mailgun", "ses")},
    ("tencent", ReceiptOutcome.COMPLAINT): (ReceiptStatus.FAILED, ReceiptClass.COMPLAINT),
}
"""A mail that the recipient answers with an opt-out has arrived. Tencent sends nothing after a complaint."""

every_format = pytest.mark.parametrize("name", ReceiptsFormat)


def the_keys(name: ReceiptsFormat) -> CallbackKeys:
    random_key = VENDORS[name].random_key
    return CallbackKeys(URL, ACCOUNTS.get(name, ""), random_key() if random_key else "")


def the_checker(name: ReceiptsFormat, keys: CallbackKeys, signer: object) -> ReceiptFormat:
    """Return the producer's side. Its download of a certificate comes from the simulator."""
    entry = VENDORS[name].entry(keys)
    if not isinstance(signer, SesSigner):
        return RECEIPT_KINDS[entry.kind].build(entry)

    async def fetch(url: str) -> bytes | None:
        return signer.certificate if url == f"https://sns.eu-west-1.amazonaws.com{CERTIFICATE_PATH}" else None

    return SesReceipts(entry, fetch)  # type: ignore[arg-type]


def arrived(call: SignedCall, path_secret: str = PATH_SECRET) -> Callback:
    headers = {name.lower(): value for name, value in call.headers.items()}
    return Callback(call.url, headers, call.body, NOW, path_secret)


def receipts_for(name: ReceiptsFormat, outcome: ReceiptOutcome) -> list[SimulatedReceipt]:
    """Return a receipt for each channel of the format, or one if a call has only one."""
    receipts = [replace(RECEIPT, outcome=outcome, to=TO[channel]) for channel in sorted(VENDORS[name].channels)]
    return receipts[: VENDORS[name].max_receipts]


@pytest.mark.parametrize(
    ("name", "outcome"), [(name, outcome) for name in ReceiptsFormat for outcome in VENDORS[name].outcomes]
)
async def test_the_producer_accepts_and_understands_each_outcome(name: ReceiptsFormat, outcome: ReceiptOutcome) -> None:
    keys, receipts = the_keys(name), receipts_for(name, outcome)
    signer = VENDORS[name].build(keys)
    callback = arrived(signer.sign(receipts, NOW))
    checker = the_checker(name, keys, signer)

    await checker.check(callback)
    found = checker.read(callback)

    assert {(one.status, one.receipt_class) for one in found} == {EXCEPTIONS.get((name, outcome), MEANINGS[outcome])}
    assert [_ids(one) for one in found] == [_expected_ids(name, receipt) for receipt in receipts]
    assert all(one.occurred_at in {RECEIPT.at, NOW} for one in found)


def _ids(receipt: VendorReceipt) -> tuple[str | None, str | None, str | None]:
    return receipt.delivery_id, receipt.message_id, receipt.recipient


def _expected_ids(name: ReceiptsFormat, receipt: SimulatedReceipt) -> tuple[str | None, str | None, str | None]:
    """Return the ids and the recipient that a receipt of this format has."""
    delivery_id = None if name is ReceiptsFormat.TENCENT else receipt.delivery_id
    recipient = None if name in {ReceiptsFormat.TWILIO, ReceiptsFormat.VONAGE} else receipt.to
    return delivery_id, receipt.message_id, recipient


@every_format
async def test_a_forged_call_is_refused(name: ReceiptsFormat) -> None:
    vendor, keys = VENDORS[name], the_keys(name)
    forged_keys = vendor.forged(keys)
    call = vendor.build(forged_keys).sign(receipts_for(name, ReceiptOutcome.DELIVERED), NOW)

    with pytest.raises((UnsignedCallbackError, ForeignCallbackError)):
        await the_checker(name, keys, vendor.build(keys)).check(arrived(call, forged_keys.path_secret))


@pytest.mark.parametrize("name", [name for name in ReceiptsFormat if VENDORS[name].random_key])
async def test_a_call_whose_body_was_changed_is_refused_unless_the_vendor_signs_a_token_only(
    name: ReceiptsFormat,
) -> None:
    keys = the_keys(name)
    signer = VENDORS[name].build(keys)
    callback = arrived(signer.sign(receipts_for(name, ReceiptOutcome.DELIVERED), NOW))
    changed = replace(callback, body=callback.body.replace(b"elivered", b"eliverex").replace(b"elivery", b"eliverx"))
    checker = the_checker(name, keys, signer)

    assert changed.body != callback.body
    if name is ReceiptsFormat.MAILGUN:
        assert await checker.check(changed) == await checker.check(callback)
    else:
        with pytest.raises(UnsignedCallbackError):
            await checker.check(changed)


@pytest.mark.parametrize("name", ["tencent", "aliyun"])
def test_a_number_outside_of_mainland_china_is_the_same_after_the_report(name: ReceiptsFormat) -> None:
    keys = the_keys(name)
    signer = VENDORS[name].build(keys)
    receipt = replace(RECEIPT, to="+13105550100")

    (found,) = the_checker(name, keys, signer).read(arrived(signer.sign([receipt], NOW)))

    assert found.recipient == "+13105550100"


def test_two_webhooks_of_mailgun_have_different_tokens() -> None:
    signer = VENDORS[ReceiptsFormat.MAILGUN].build(the_keys(ReceiptsFormat.MAILGUN))
    receipts = receipts_for(ReceiptsFormat.MAILGUN, ReceiptOutcome.DELIVERED)

    assert signer.sign(receipts, NOW).body != signer.sign(receipts, NOW).body


def test_twilios_library_accepts_the_signature() -> None:
    keys = the_keys(ReceiptsFormat.TWILIO)
    call = VENDORS[ReceiptsFormat.TWILIO].build(keys).sign([replace(RECEIPT, to=TO[Channel.SMS])], NOW)
    fields = dict(parse_qsl(call.body.decode(), strict_parsing=True))

    assert RequestValidator(keys.key).validate(call.url, fields, call.headers["X-Twilio-Signature"])
    assert fields["To"] == TO[Channel.SMS]


def test_vonages_library_computes_the_same_signature() -> None:
    keys = the_keys(ReceiptsFormat.VONAGE)
    receipt = replace(RECEIPT, to=TO[Channel.SMS], message_id="a&b=c")
    call = VENDORS[ReceiptsFormat.VONAGE].build(keys).sign([receipt], NOW)
    fields = dict(parse_qsl(call.body.decode(), strict_parsing=True))
    given = fields.pop("sig")

    library = Auth(keys.account, signature_secret=keys.key, signature_method="sha256")
    assert library.sign_params(dict(fields)).upper() == given


def test_sendgrids_library_accepts_the_signature() -> None:
    keys = the_keys(ReceiptsFormat.SENDGRID)
    call = VENDORS[ReceiptsFormat.SENDGRID].build(keys).sign([replace(RECEIPT, to=TO[Channel.EMAIL])], NOW)
    public = load_der_private_key(base64.b64decode(keys.key), None).public_key()
    shown = base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    header = "X-Twilio-Email-Event-Webhook"

    assert EventWebhook(shown).verify_signature(
        call.body.decode(), call.headers[f"{header}-Signature"], call.headers[f"{header}-Timestamp"]
    )


def test_no_repr_shows_an_address_or_a_key() -> None:
    keys, receipt = the_keys(ReceiptsFormat.TWILIO), replace(RECEIPT, to=TO[Channel.SMS])

    assert (repr(keys), repr(VENDORS[ReceiptsFormat.TWILIO].build(keys).sign([receipt], NOW))) == (
        "CallbackKeys()",
        "SignedCall()",
    )
    assert TO[Channel.SMS] not in repr(receipt)
