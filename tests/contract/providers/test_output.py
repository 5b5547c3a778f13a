"""The search for what a test of a provider must not show finds it, for each kind and wherever it is shown."""

import logging
import sys

import pytest

from core.send_result import Sent
from tests.contract.providers.conftest import Output
from tests.contract.providers.stage import SECRET, a_message
from tests.contract.providers.stages import STAGES, a_stage
from tests.support.drafts import send

CREDENTIALS = ("api_key", "api_secret", "auth_token", "secret_access_key")


@pytest.mark.parametrize("kind", STAGES)
async def test_the_address_the_text_and_the_credentials_that_a_kind_uses_are_searched_for(
    kind: str, output: Output
) -> None:
    async with a_stage(kind) as stage:
        provider, message = stage.provider(), a_message(stage)
        await send(provider, message)
        await provider.aclose()
        credentials = {value for name, value in getattr(stage, "entry", {}).items() if name in CREDENTIALS}
    assert {message.to.removeprefix("+"), SECRET} | credentials <= output.used


async def test_what_is_shown_anywhere_is_found(output: Output) -> None:
    places = {place: f"geheim of the {place}" for place in ("log", "traceback", "output", "errors", "result")}
    output.note(*places.values(), "geheim of nobody")
    logging.getLogger("aiohttp.client").debug("posted %s", places["log"])
    logging.getLogger("asyncio").error("broken", exc_info=ValueError(places["traceback"]))
    sys.stdout.write(places["output"])
    sys.stderr.write(places["errors"])
    output.note_result(Sent(places["result"]))
    assert output.leaks() == set(places.values())
    output.forget()
