"""Names of variables and of unknown fields are in no event, dead letter, log line or metric (I9)."""

from typing import Any

import orjson
import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from tests.flow.world import World

NAME = "Anna Schmidt anna"
PLACEHOLDER = f"{{{{{NAME}}}}}"
LONG = {NAME: "x" * 400_000}
GOOD: dict[str, Any] = {"request_id": "r1", "tenant_id": "t1", "channel": "sms", "content": "x", "recipients": ["1"]}
MAIL = {"channel": "email", "subject": "Hello", "recipients": ["wei@example.com"]}


@pytest.mark.parametrize(
    "fields",
    [
        {NAME: 1},
        {"recipients": [{"to": "1", NAME: 1}]},
        {"variables": {NAME: 1}},
        {"variables": {NAME: {"to": NAME}}},
        {"variables": {NAME * 10: "x"}},
        {"recipients": [{"to": "1", "variables": {NAME: 1}}]},
        {"secret_variables": [NAME]},
        {"secret_variables": [NAME, NAME], "content": PLACEHOLDER},
        {"secret_variables": [NAME * 10]},
        {"content": PLACEHOLDER},
        {"content": PLACEHOLDER, "variables": LONG},
        {"content": PLACEHOLDER, "recipients": [{"to": "13800138000", "variables": LONG}]},
        {"content": f"{{{{{NAME}|x}}}}"},
        {**MAIL, "content": "x", "subject": PLACEHOLDER},
        {**MAIL, "content": "x", "subject": PLACEHOLDER, "variables": {NAME: "a\r\nBcc: b@example.com"}},
        {**MAIL, "content": "x", "subject": f"{PLACEHOLDER}\n"},
        {**MAIL, "content": PLACEHOLDER},
        {**MAIL, "content": f"<a href='{PLACEHOLDER}'>x</a>", "variables": {NAME: "javascript:x"}},
        {**MAIL, "content": "x", "subject": PLACEHOLDER, "variables": LONG},
    ],
)
async def test_a_name_of_the_caller_is_in_no_event_dead_letter_log_line_or_metric(fields: dict[str, Any]) -> None:
    world = World()
    context = world.context()
    body = orjson.dumps({**GOOD, **fields})
    with capture_logs() as lines:
        await world.expand(world.raw(body), context)
        await world.expand(world.raw(orjson.dumps({**GOOD, **fields, "content": "another"})), context)  # a conflict
        await world.deliver_all(context)

    dead_letters = [(letter.reason, letter.headers()) for letter in world.bus.dead_letters]
    shown = f"{world.events()} {dead_letters} {lines} {generate_latest(context.metrics.registry).decode()}"
    assert "Anna" not in shown
    assert world.events("request.rejected") or world.events("delivery.failed")
