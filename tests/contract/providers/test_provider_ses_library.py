"""Kind `ses`: its signature, Amazon's own library at the same server, the server of moto, and a missing botocore."""

import asyncio
import subprocess
import sys
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer
from moto.ses.models import ses_backends

from core.send_result import Failed, HiddenMessageId, Retry, Sent
from providers.config_file import parse
from schemas.statuses import Reason
from tests.contract.providers.stage import build
from tests.contract.providers.vendors.server import Request
from tests.contract.providers.vendors.ses import KEY_ID, REGION, SECRET, VERIFIED, SesStage, a_mail
from tests.support.drafts import send

KIND = "ses"


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"secret_access_key": "wrong"}, "InvalidSignatureException"),
        ({"region": "eu-west-2"}, "InvalidSignatureException"),
        ({"access_key_id": "AKIDOTHER"}, "UnrecognizedClientException"),
        ({"sender": "they@example.org"}, "SenderNotVerified"),
    ],
)
async def test_an_account_that_may_not_send_is_not_blamed_on_the_mails(
    stage: SesStage, entry: dict[str, str], code: str
) -> None:
    answers = await stage.results(a_mail(1), a_mail(2), **entry)
    assert answers == [Retry(Reason.PROVIDER_REJECTED_CREDENTIALS, f"ses {code}")] * 2
    assert stage.arrived() == 1


async def test_the_token_of_temporary_credentials_is_sent_and_signed(stage: SesStage) -> None:
    (result,) = await stage.results(a_mail(), session_token="temporary")
    assert isinstance(result, Sent)
    assert stage.peer.requests[0].headers["x-amz-security-token"] == "temporary"


def amazons_client(port: int) -> Any:
    return boto3.client(
        "sesv2",
        region_name=REGION,
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        endpoint_url=f"http://127.0.0.1:{port}",
        config=Config(retries={"max_attempts": 0}),
    )


def signed(request: Request) -> str:
    """Return the key, the scope and the names of the headers in a signature."""
    return request.headers["authorization"].partition(", Signature=")[0]


@pytest.mark.parametrize(("number", "operation"), [(1, "send_email"), (2, "send_bulk_email")])
async def test_amazons_own_library_takes_our_fields_signs_alike_and_understands_the_answer(
    stage: SesStage, number: int, operation: str
) -> None:
    await stage.results(
        *(a_mail(place, text=f"Hello {place}") for place in range(number)), list_unsubscribe="mailto:a@b.c"
    )
    client = amazons_client(stage.peer.port)
    answer = await asyncio.to_thread(getattr(client, operation), **stage.peer.requests[0].json())
    client.close()

    ours, theirs = stage.peer.requests
    assert (ours.method, ours.path, ours.json()) == (theirs.method, theirs.path, theirs.json())
    assert signed(ours) == signed(theirs)
    taken = [stage.message_id(f"log_{place}") for place in range(number)]
    assert [one["MessageId"] for one in answer.get("BulkEmailEntryResults", [answer])] == taken


async def test_amazons_own_library_understands_a_refusal(stage: SesStage) -> None:
    client = amazons_client(stage.peer.port)
    content = {"Simple": {"Subject": {"Data": "News"}, "Body": {"Text": {"Data": "Hello"}}}}
    mail = {"FromEmailAddress": VERIFIED, "Destination": {"ToAddresses": ["throttle.1@example.com"]}}
    with pytest.raises(ClientError) as error:
        await asyncio.to_thread(client.send_email, Content=content, **mail)
    client.close()
    assert error.value.response["Error"]["Code"] == "TooManyRequestsException"


async def test_the_moto_server_takes_a_mail_of_a_verified_sender_only() -> None:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    await asyncio.to_thread(moto.start)
    host, port = moto.get_host_and_port()
    provider = build(**SesStage.entry, base_url=f"http://{host}:{port}")
    try:
        refused = await send(provider, a_mail(1))
        client = amazons_client(port)
        await asyncio.to_thread(client.create_email_identity, EmailIdentity=VERIFIED)
        client.close()
        taken = await send(provider, a_mail(2, text="<p>Hello</p>", is_html=True))
    finally:
        await provider.aclose()
        await asyncio.to_thread(moto.stop)

    (message,) = ses_backends["123456789012"][REGION].sent_messages
    assert refused == Failed(Reason.INVALID_CONTENT, "ses MessageRejected")  # its text is not that of Amazon
    assert taken == Sent(HiddenMessageId(message.id), "HTTP 200")  # its ids are letters
    assert (message.source, message.destinations["ToAddresses"]) == (f"Us <{VERIFIED}>", ["take.2@example.com"])
    assert (message.subject, message.body) == ("News", "<p>Hello</p>")


def test_without_botocore_the_settings_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore", None)
    with pytest.raises(ValueError, match=r"^provider 1: .* pip install rollcall\[ses\]$") as error:
        parse([{"name": "ses", **SesStage.entry}])
    assert SECRET not in str(error.value)


def test_botocore_is_not_loaded_before_the_kind_is_configured() -> None:
    asked = "import sys, providers.registry; print('botocore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
