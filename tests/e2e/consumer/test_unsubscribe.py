"""From a mail that arrived to the next one that is not sent: one click, and a browser without JavaScript."""

import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import async_playwright

from devstack import Stack
from tests.e2e.caller import Results, publish, reading
from tests.e2e.consumer.mail_server import MARK, MailServer, running_mail_server
from tests.e2e.reconciliation import roll
from tests.e2e.sample_recipients import TENANT
from tests.support.deployment import Deployment, a_deployment
from tests.support.skipping import not_run

PUBLIC_URL = "https://mail.example.org"
HTML = '<html><body><p>News</p><p><a href="{{unsubscribe_url}}">Abmelden</a></p></body></html>'


@pytest.fixture(scope="module")
def services(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, MailServer, str]]:
    """Consumer, producer and mail server. The last value is the URL of the producer."""
    with running_mail_server() as (server, port):
        post = {
            "name": "post",
            "kind": "smtp",
            "host": "127.0.0.1",
            "port": port,
            "tls": "none",
            "sender": "News <news@example.org>",
            "list_unsubscribe": "mailto:out@example.org",
        }
        folder = tmp_path_factory.mktemp("unsubscribe")
        with (
            a_deployment(stack, folder, PROVIDERS=[post], PUBLIC_URL=PUBLIC_URL) as deployment,
            deployment.service("consumer"),
            deployment.service("producer") as producer,
        ):
            yield deployment, server, producer.url


async def send(deployment: Deployment, to: str, **fields: Any) -> tuple[dict[str, int], str]:
    """Send a marketing e-mail, wait for its end, and return the counts by status and the reason in the log."""
    request = {
        "channel": "email",
        "subject": "News",
        "content": HTML,
        "category": "marketing",
        "recipients": [to],
        "tenant_id": TENANT,
        "request_id": uuid4().hex,
        **fields,
    }
    async with reading(deployment.bootstrap, Results(deployment.topics.results)) as results:
        await publish(deployment.bootstrap, deployment.topics.requests_express, request, key=request["request_id"])
        completed = await results.completed(request["request_id"])
        (log,) = roll(deployment, request["request_id"]).values()
        assert to.encode() not in results.bytes()
    return completed.by_status, log.get("reason", "")


async def test_a_click_in_the_mail_client_ends_marketing_and_nothing_else(
    services: tuple[Deployment, MailServer, str],
) -> None:
    deployment, server, producer = services
    to = f"{MARK}-Click@example.com"
    assert await send(deployment, to) == ({"sent": 1}, "")

    mail = server.mails()[to]
    own, other = mail["List-Unsubscribe"].split(", ")
    link = own.strip("<>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert other == "<mailto:out@example.org>"
    assert link.startswith(f"{PUBLIC_URL}/communication/unsubscribe/")
    assert len(link) < 300
    assert f'href="{link}"' in mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert f"Abmelden ({link})" in mail.get_body(("plain",)).get_content().replace("\n", "")  # type: ignore[union-attr]

    async with httpx.AsyncClient(base_url=producer, timeout=20) as client:
        path = urlsplit(link).path
        assert (await client.get(path)).status_code == 200
        assert await send(deployment, f"{MARK}-other@example.com") == ({"sent": 1}, "")
        for _ in range(2):
            clicked = await client.post(path, data={"List-Unsubscribe": "One-Click"})
            assert clicked.status_code == 200
        assert (await client.post(path[:-1])).status_code == 404

    assert await send(deployment, to.lower()) == ({"suppressed": 1}, "opted_out")
    assert await send(deployment, to.lower(), category="transactional") == ({"sent": 1}, "")
    token = path.rpartition("/")[2]
    assert not any(part.encode() in deployment.said() for part in (token, token[:-1], MARK))


async def test_a_browser_without_javascript_shows_a_button_that_unsubscribes(
    services: tuple[Deployment, MailServer, str],
) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        not_run("needs chromium, fix: apt-get install -y chromium")
    deployment, server, producer = services
    to = f"{MARK}-browser@example.com"
    reader = {"to": to, "variables": {"locale": "de-AT"}}
    assert await send(deployment, to, recipients=[reader], list="weekly") == ({"sent": 1}, "")
    link = server.mails()[to]["List-Unsubscribe"].partition(">")[0].strip("<")

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium)
        context = await browser.new_context(java_script_enabled=False, locale="fr-FR")
        page = await context.new_page()
        fetched: list[str] = []
        page.on("request", lambda request: fetched.append(request.url))
        await page.goto(link.replace(PUBLIC_URL, producer))
        assert await page.title() == "Abmelden"  # the language of the recipient, and not of the browser
        await page.get_by_role("button", name="Abmelden").click()
        await page.get_by_role("heading", name="Sie sind abgemeldet").wait_for()
        assert to not in await page.content()
        assert {urlsplit(url).path for url in fetched} <= {urlsplit(link).path, "/favicon.ico"}
        await browser.close()

    assert await send(deployment, to, list="weekly") == ({"suppressed": 1}, "opted_out")
    assert await send(deployment, to, list="other") == ({"sent": 1}, "")
