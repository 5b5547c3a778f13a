"""Kind `http` at a gateway that says more than it was asked."""

import pytest

from core.send_result import Failed
from schemas.statuses import Reason
from tests.contract.providers.servers import Gateway, http_answer
from tests.contract.providers.test_provider_http import a_message, a_provider
from tests.support.drafts import send
from tests.support.polling import wait_until


@pytest.mark.parametrize("surplus", [http_answer("200 OK", ""), http_answer("408 Idle", ""), b"hello"])
async def test_an_answer_that_came_unasked_is_no_answer_to_the_next_message(surplus: bytes) -> None:
    gateway = Gateway({})
    async with gateway.running():
        provider = a_provider(gateway)
        await send(provider, a_message("log_1"))
        gateway.interject(surplus)
        assert provider._session is not None
        (waiting,) = provider._session.connector._conns.values()  # type: ignore[union-attr]
        await wait_until(lambda: waiting[0][0].should_close or not waiting[0][0].is_connected(), seconds=10)
        gateway.answer = http_answer("400 Bad", "")

        answer = await send(provider, a_message("log_2"))
        await provider.aclose()

    assert answer == Failed(Reason.REJECTED, "HTTP 400")
    assert gateway.connections == 2
