"""Kind `smtp` with a real Postfix: what it holds in its queue is compared with the results."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from schemas.statuses import Reason
from tests.contract.providers.certificates import server_context
from tests.contract.providers.postfix import Postfix, running_postfix
from tests.contract.providers.test_provider_smtp import a_message, a_provider, refused
from tests.support.drafts import send_all
from tests.support.polling import wait_until

BATCH = 500
SMUGGLED = "Hello\n.\r\nMAIL FROM:<us@example.org>\r\nRCPT TO:<r@example.com>\r\nDATA\r\n.\n..\r.\rBye"
"""Text that would end the mail and begin another one, if a line of it were sent as it is."""
NOBODY = refused("SMTP 550 5.1.1 to RCPT")
BUSY = Retry(Reason.UNAVAILABLE, "SMTP 450 4.2.1 to RCPT")


async def ask(server: Postfix, *messages: Message, **entry: Any) -> list[SendResult]:
    """Send one batch through a new provider."""
    provider = a_provider(server, **entry)
    results = await send_all(provider, *messages)
    await provider.aclose()
    return results


def assert_taken(server: Postfix, messages: Sequence[Message], results: Sequence[SendResult]) -> None:
    """Check that Postfix has each mail once that is `Sent`, and none of the others."""
    sent = [message.id for message, result in zip(messages, results, strict=True) if isinstance(result, Sent)]
    assert server.taken() == Counter(sent)


async def test_concurrent_batches_with_refused_recipients_are_taken_once() -> None:
    names = {0: "refused", 1: "busy"}
    mails = [
        a_message(f"log_{n}", to=f"{names.get(n % 7, 'r')}{n}@example.com", text=SMUGGLED) for n in range(4 * BATCH)
    ]
    with running_postfix() as server:
        provider = a_provider(server, connections=4, timeout_seconds=120)  # 2,000 mails on a busy machine
        batches = (mails[begin : begin + BATCH] for begin in range(0, len(mails), BATCH))
        answers = await asyncio.gather(*(send_all(provider, *batch) for batch in batches))
        await provider.aclose()
        results = [result for batch in answers for result in batch]

        assert_taken(server, mails, results)
    assert all(result == NOBODY for result in results[0::7])
    assert all(result == BUSY for result in results[1::7])
    assert sum(isinstance(result, Sent) for result in results) == len(mails) - len(results[0::7]) - len(results[1::7])


@pytest.mark.parametrize(
    ("settings", "too_long"),
    [
        ("", Failed(Reason.TOO_LONG, "longer than the server's SIZE")),
        ("smtpd_discard_ehlo_keywords = size", refused("SMTP 552 5.3.4 to end of data")),
    ],
    ids=["named", "not named"],
)
async def test_a_mail_above_the_limit_of_size_is_refused_alone(settings: str, too_long: Failed) -> None:
    mails = [a_message(f"log_{n}", text=("x" * 70 + "\n") * (500 if n == 5 else 1)) for n in range(20)]
    with running_postfix(f"message_size_limit = 20000\n{settings}") as server:
        results = await ask(server, *mails, connections=1)

        assert_taken(server, mails, results)
    assert [result == too_long for result in results] == [n == 5 for n in range(20)]
    assert sum(isinstance(result, Sent) for result in results) == 19


@pytest.mark.parametrize("enabled", [True, False])
async def test_an_address_in_utf_8_needs_the_extension(*, enabled: bool) -> None:
    mails = [a_message(f"log_{n}", to="用户@example.com" if n == 1 else "r@example.com") for n in range(3)]
    with running_postfix(f"smtputf8_enable = {'yes' if enabled else 'no'}") as server:
        results = await ask(server, *mails, connections=1)

        assert_taken(server, mails, results)
    kinds = [type(result) for result in results]
    assert kinds == [Sent, Sent if enabled else Failed, Sent]


async def test_mails_are_pipelined_over_starttls(tmp_path: Path) -> None:
    _, trusted = server_context(tmp_path)
    settings = f"smtpd_tls_security_level = encrypt\nsmtpd_tls_chain_files = {tmp_path}/private.pem {trusted}"
    mails = [a_message(f"log_{n}") for n in range(BATCH)]
    with running_postfix(settings) as server:
        results = await ask(server, *mails, tls="starttls", ca_file=trusted)

        assert_taken(server, mails, results)
    assert {type(result) for result in results} == {Sent}


@pytest.mark.parametrize(
    "settings",
    ["smtpd_hard_error_limit = 5", "smtpd_client_connection_count_limit = 2"],
    ids=["errors of a connection", "connections"],
)
async def test_a_limit_that_postfix_shows_with_421_costs_no_mail_an_attempt(settings: str) -> None:
    mails = [a_message(f"log_{n}", to=f"{'r' if n % 3 else 'refused'}{n}@example.com") for n in range(60)]
    mails += [a_message(f"log_{n}", to=f"refused{n}@example.com") for n in range(60, 90)]
    with running_postfix(settings) as server:
        results = await ask(server, *mails, connections=8)

        assert_taken(server, mails, results)
    assert [result for result in results if not isinstance(result, Sent)] == [NOBODY] * 50


async def test_a_limit_of_mails_in_a_minute_is_a_refusal_of_each_mail_above_it() -> None:
    mails = [a_message(f"log_{n}") for n in range(60)]
    with running_postfix("smtpd_client_message_rate_limit = 40") as server:
        results = await ask(server, *mails, connections=4)

        assert_taken(server, mails, results)
    others = {result for result in results if not isinstance(result, Sent)}
    assert others == {Retry(Reason.UNAVAILABLE, "SMTP 450 4.7.1 to MAIL")}
    assert sum(isinstance(result, Sent) for result in results) == 40


async def test_nothing_is_lost_or_doubled_if_postfix_is_stopped_and_started() -> None:
    mails = {f"log_{n}": a_message(f"log_{n}", text="x\n" * 500) for n in range(4 * BATCH)}
    results: dict[str, SendResult] = {}
    with running_postfix() as server:
        provider = a_provider(server, connections=4, timeout_seconds=10)

        async def send_batch(names: list[str]) -> None:
            answers = await send_all(provider, *(mails[name] for name in names))
            results.update(zip(names, answers, strict=True))

        names = list(mails)
        batches = [names[begin : begin + BATCH] for begin in range(0, len(names), BATCH)]
        sending = asyncio.gather(*(send_batch(batch) for batch in batches))
        await wait_until(lambda: len(server.taken()) > BATCH, seconds=30)
        await asyncio.to_thread(server.stop)
        await sending
        first = dict(results)
        server.start()
        while again := [name for name in names if isinstance(results[name], Retry)]:
            await send_batch(again)
        await provider.aclose()
        taken = server.taken()

    kinds = Counter(type(result) for result in first.values())
    assert kinds[Retry] > 0
    assert kinds[Uncertain] <= 4  # at most the one of each connection whose end was written
    assert set(taken.values()) == {1}
    assert set(taken) >= {name for name in names if isinstance(results[name], Sent)}
    assert {name for name in names if not isinstance(results[name], Sent)} == {
        name for name in names if isinstance(first[name], Uncertain)
    }
