"""Messages of Amazon SNS: everything that must be right before one is believed."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import ValidationError

from providers.receipts.receipt_format import (
    CallbackUnavailableError,
    ForeignCallbackError,
    UnsignedCallbackError,
)
from providers.receipts.ses import SesReceiptEntry, SesReceipts
from providers.receipts.sns_certificates import MAX_CERTIFICATES, MAX_DOWNLOADS, SnsCertificates
from tests.support.sns_topic import (
    CERTIFICATE_URL,
    CONFIRMATION_FIELDS,
    HOST,
    NOTIFICATION_FIELDS,
    OTHER_KEY,
    SUBSCRIBE_URL,
    TOPIC_ARN,
    SnsServer,
    a_certificate,
    a_confirmation,
    a_notification,
    signed,
)
from tests.unit.providers.receipts.callbacks import NOW
from tests.unit.providers.receipts.json_callbacks import PATH_SECRET, changed_characters, json_callback, without

OTHER_TOPIC = "arn:aws:sns:eu-west-1:210987654321:mail-events"


def topics(server: SnsServer | None = None, **fields: object) -> SesReceipts:
    entry = {"kind": "ses", "provider": "ses", "topic_arns": [TOPIC_ARN], **fields}
    return SesReceipts(SesReceiptEntry.model_validate(entry), (server or SnsServer()).fetch)


async def refused(message: dict[str, Any], server: SnsServer | None = None) -> None:
    with pytest.raises(UnsignedCallbackError):
        await topics(server).check(json_callback(message))


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("message", [a_notification(), without(a_notification(), "Subject"), a_confirmation()])
async def test_a_signed_message_is_accepted_with_both_versions(message: dict[str, str], version: str) -> None:
    assert await topics().check(json_callback(signed(message, version))) is None


@pytest.mark.parametrize("name", NOTIFICATION_FIELDS)
async def test_each_changed_character_of_a_notification_is_refused(name: str) -> None:
    message = signed(a_notification("{}"))
    for changed in changed_characters(message[name]):
        await refused({**message, name: changed})
    await refused(without(message, name))


@pytest.mark.parametrize("name", CONFIRMATION_FIELDS)
async def test_each_changed_character_of_a_confirmation_is_refused_and_confirms_nothing(name: str) -> None:
    server, message = SnsServer(), signed(a_confirmation())
    for changed in changed_characters(message[name]):
        await refused({**message, name: changed}, server)
    await refused(without(message, name), server)
    assert SUBSCRIBE_URL not in server.asked


async def test_each_changed_character_of_the_signature_is_refused() -> None:
    message = signed(a_notification())
    for changed in changed_characters(message["Signature"]):
        await refused({**message, "Signature": changed})
    for wrong in ("", message["Signature"] + "\n", message["Signature"] + "AAAA", "A" * 2_000, "ä"):
        await refused({**message, "Signature": wrong})


async def test_another_encoding_of_the_same_signature_is_refused() -> None:
    message = signed(a_notification())
    last = message["Signature"][-3]
    assert message["Signature"].endswith("==")
    assert last in "AQgw"  # the last four of its six bits are not used
    await refused({**message, "Signature": message["Signature"][:-3] + chr(ord(last) + 1) + "=="})


async def test_the_other_version_of_the_signature_is_refused() -> None:
    await refused({**signed(a_notification(), "2"), "SignatureVersion": "1"})
    await refused({**signed(a_notification(), "2"), "SignatureVersion": "3"})


async def test_a_signature_with_another_key_is_refused() -> None:
    await refused(signed(a_notification(), key=OTHER_KEY))


@pytest.mark.parametrize(
    "url",
    [
        CERTIFICATE_URL.replace("https", "http"),
        CERTIFICATE_URL.replace("sns.", "sns.evil."),
        CERTIFICATE_URL.replace("sns.eu-west-1.", "sns.eu-west-2."),
        CERTIFICATE_URL.replace("sns.eu-west-1.", "s3.eu-west-1."),
        CERTIFICATE_URL.replace("amazonaws.com", "amazonaws.com.cn"),
        CERTIFICATE_URL.replace("amazonaws.com", "amazonaws.com.evil.example"),
        CERTIFICATE_URL.replace("amazonaws.com", "amazonaws.com:443"),
        CERTIFICATE_URL.replace("amazonaws.com", "amazonaws.com@evil.example"),
        CERTIFICATE_URL.replace("amazonaws.com", "amazonaws\u3002com"),
        CERTIFICATE_URL.replace("https://", "https://user@"),
        CERTIFICATE_URL.replace("https://", "https://evil.example/"),
        CERTIFICATE_URL.replace("https://", "https:/\\"),
        CERTIFICATE_URL.upper(),
        CERTIFICATE_URL + "?x=1",
        CERTIFICATE_URL + "#x",
        CERTIFICATE_URL + "\n",
        CERTIFICATE_URL.removesuffix(".pem"),
        f"{HOST}../SimpleNotificationService-1.pem",
        f"{HOST}x/SimpleNotificationService-1.pem",
        f"{HOST}SimpleNotificationService-.pem",
        f"{HOST}SimpleNotificationService-{'1' * 65}.pem",
        f"{HOST}Other-1.pem",
        CERTIFICATE_URL.removeprefix(HOST),
        HOST,
        "",
    ],
)
async def test_a_certificate_elsewhere_is_not_downloaded(url: str) -> None:
    server = SnsServer()
    await refused(signed(a_notification(), url=url), server)
    assert server.asked == []


@pytest.mark.parametrize(
    ("arn", "host"),
    [
        ("arn:aws-cn:sns:cn-north-1:123456789012:mail", "https://sns.cn-north-1.amazonaws.com.cn/"),
        ("arn:aws-us-gov:sns:us-gov-west-1:123456789012:mail", "https://sns.us-gov-west-1.amazonaws.com/"),
    ],
)
async def test_a_topic_of_another_partition_has_its_own_host(arn: str, host: str) -> None:
    server, url = SnsServer(), CERTIFICATE_URL.replace(HOST, host)
    server.files[url] = a_certificate()
    callback = json_callback(signed(a_notification(TopicArn=arn), url=url))

    assert await topics(server, topic_arns=[TOPIC_ARN, arn]).check(callback) is None


async def test_a_topic_of_another_account_is_foreign_also_for_a_subscription() -> None:
    server = SnsServer()
    for message in (a_notification(TopicArn=OTHER_TOPIC), a_confirmation(TopicArn=OTHER_TOPIC)):
        with pytest.raises(ForeignCallbackError):
            await topics(server).check(json_callback(signed(message)))
    assert set(server.asked) == {CERTIFICATE_URL}


@pytest.mark.parametrize("arn", ["", "arn:aws:sqs:eu-west-1:123456789012:q", "arn:aws:sns:evil.example/:1:x", "x:y"])
async def test_an_arn_of_no_topic_is_refused(arn: str) -> None:
    await refused(signed(a_notification(TopicArn=arn)))
    with pytest.raises(ValidationError):
        topics(topic_arns=[arn])


@pytest.mark.parametrize(("age", "accepted"), [(60, True), (61, False), (-300, True), (-301, False)])
async def test_a_message_is_accepted_within_the_replay_window(age: int, *, accepted: bool) -> None:
    stamp = (NOW - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    callback = json_callback(signed(a_notification(Timestamp=stamp)))
    check = topics(max_age_seconds=60).check(callback)
    if accepted:
        await check
        return
    with pytest.raises(UnsignedCallbackError):
        await check


@pytest.mark.parametrize("stamp", ["", "2026-11-30", "2026-13-30T00:00:00Z", "2026-11-30T12:00:00+00:00"])
async def test_a_time_stamp_of_another_form_is_refused(stamp: str) -> None:
    await refused(signed(a_notification(Timestamp=stamp)))


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("begins", "ends"),
    [(NOW - 2 * DAY, NOW - DAY), (NOW + DAY, NOW + 2 * DAY)],
)
async def test_a_certificate_outside_of_its_time_is_refused(begins: datetime, ends: datetime) -> None:
    await refused(signed(a_notification()), SnsServer(a_certificate(begins=begins, ends=ends)))


async def test_a_certificate_that_expires_while_it_is_kept_is_refused() -> None:
    messages = topics(max_age_seconds=604_800)
    callback = json_callback(signed(a_notification()))
    await messages.check(callback)

    later = replace(callback, received_at=NOW + 2 * DAY)
    with pytest.raises(UnsignedCallbackError):
        await messages.check(later)


@pytest.mark.parametrize(
    "certificate",
    [
        lambda: b"no certificate",
        lambda: a_certificate().replace(b"MII", b"MIJ", 1),
        lambda: a_certificate(ec.generate_private_key(ec.SECP256R1())),
    ],
)
async def test_a_file_without_a_certificate_of_rsa_is_refused(certificate: Callable[[], bytes]) -> None:
    await refused(signed(a_notification()), SnsServer(certificate()))


async def test_a_signature_with_a_small_key_is_refused() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    await refused(signed(a_notification(), key=key), SnsServer(a_certificate(key)))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"{}", b"[" * 2_000, b'{"eventType":"Bounce"}'])
async def test_a_body_that_is_no_message_of_sns_is_refused(body: bytes) -> None:
    with pytest.raises(UnsignedCallbackError):
        await topics().check(json_callback(body))


@pytest.mark.parametrize("name", [*NOTIFICATION_FIELDS, "SigningCertURL", "Signature", "SignatureVersion"])
@pytest.mark.parametrize("value", [1, {}, [[]], True])
async def test_a_field_of_another_type_is_refused(name: str, value: object) -> None:
    await refused({**signed(a_notification()), name: value})


async def test_a_path_secret_is_checked_if_the_entry_has_one() -> None:
    callback = json_callback(signed(a_notification()))
    assert await topics(path_secret=PATH_SECRET).check(callback) is None
    with pytest.raises(UnsignedCallbackError):
        await topics(path_secret=PATH_SECRET.replace("p", "q")).check(callback)


async def test_a_certificate_is_downloaded_once_also_for_messages_at_the_same_time() -> None:
    server = SnsServer()
    messages = topics(server)
    callbacks = [json_callback(signed(a_notification(MessageId=str(number)))) for number in range(20)]
    await asyncio.gather(*map(messages.check, callbacks))
    await messages.check(callbacks[0])

    assert server.asked == [CERTIFICATE_URL]


async def test_a_failed_download_is_tried_again_by_the_next_message() -> None:
    server = SnsServer()
    messages, callback = topics(server), json_callback(signed(a_notification()))
    server.is_away = True
    with pytest.raises(CallbackUnavailableError):
        await messages.check(callback)
    server.is_away = False

    assert await messages.check(callback) is None


async def test_a_certificate_that_sns_does_not_have_is_refused() -> None:
    await refused(signed(a_notification(), url=CERTIFICATE_URL.replace("-f3", "-f4")))


async def test_few_certificates_are_kept_and_few_are_downloaded_at_the_same_time() -> None:
    certificate, asked = a_certificate(), 0
    may_end = asyncio.Event()

    async def fetch(_url: str) -> bytes:
        nonlocal asked
        asked += 1
        await may_end.wait()
        return certificate

    certificates = SnsCertificates(fetch)
    waiting = [asyncio.create_task(certificates.get(f"a{number}")) for number in range(MAX_DOWNLOADS)]
    await asyncio.sleep(0)
    with pytest.raises(CallbackUnavailableError):
        await certificates.get("one more")
    may_end.set()
    await asyncio.gather(*waiting)
    for number in range(MAX_CERTIFICATES):
        await certificates.get(f"b{number}")
    asked = 0
    await certificates.get(f"b{MAX_CERTIFICATES - 1}")
    assert asked == 0
    await certificates.get("a0")
    assert asked == 1


async def test_a_subscription_to_the_topic_is_confirmed_once_it_is_verified() -> None:
    server = SnsServer()
    callback = json_callback(signed(a_confirmation()))
    messages = topics(server)

    assert await messages.check(callback) is None
    assert server.asked == [CERTIFICATE_URL, SUBSCRIBE_URL]
    assert messages.read(callback) == []


@pytest.mark.parametrize(
    "url",
    [
        SUBSCRIBE_URL.replace("sns.eu-west-1", "evil.example"),
        SUBSCRIBE_URL.replace("https", "http"),
        SUBSCRIBE_URL.replace(".com/", ".com:8443/"),
        SUBSCRIBE_URL.replace("ConfirmSubscription", "DeleteTopic"),
        SUBSCRIBE_URL.replace(TOPIC_ARN, OTHER_TOPIC),
        SUBSCRIBE_URL + "&Action=DeleteTopic&Action=ConfirmSubscription",
        SUBSCRIBE_URL + "&x=" + "y" * 5_000,
        HOST,
        "",
    ],
)
async def test_a_subscription_is_not_confirmed_elsewhere(url: str) -> None:
    server = SnsServer()
    await refused(signed(a_confirmation(SubscribeURL=url)), server)
    assert server.asked == [CERTIFICATE_URL]


async def test_a_confirmation_that_fails_is_tried_again() -> None:
    server = SnsServer()
    del server.files[SUBSCRIBE_URL]
    with pytest.raises(CallbackUnavailableError):
        await topics(server).check(json_callback(signed(a_confirmation())))


async def test_the_end_of_a_subscription_is_accepted_and_changes_nothing() -> None:
    server = SnsServer()
    messages = topics(server)
    callback = json_callback(signed(a_confirmation(Type="UnsubscribeConfirmation")))

    assert await messages.check(callback) is None
    assert messages.read(callback) == []
    assert server.asked == [CERTIFICATE_URL]
