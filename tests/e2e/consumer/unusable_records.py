"""Records that cannot be used, and what must be said of each. All hold an address and a text that nobody may repeat."""

import json
import random
from dataclasses import dataclass
from typing import Any

from tests.e2e.sample_recipients import MARK, SECRET, TENANT

MIB = 1024 * 1024
OVERHEAD_BYTES = 400
"""More than batch, key and headers take of the largest record of a topic."""


@dataclass(frozen=True)
class Bad:
    """One record and its answer."""

    name: str
    value: bytes | None
    reason: str
    fields: list[str] | None = None
    """Of `request.rejected`; None: no request id can be read, so that there is none."""
    headers: tuple[tuple[str, bytes | None], ...] = ()


def request_id_of(name: str) -> str:
    return "bad-" + name.replace(" ", "-").replace("'", "")


def a_body(**fields: Any) -> dict[str, Any]:
    """A request that would be fine; its id is that of the case, so that its answer can be found."""
    return {
        "channel": "sms",
        "content": SECRET,
        "recipients": [f"{MARK}0001"],
        "tenant_id": TENANT,
        "variables": {"code": SECRET},
        **fields,
    }


def wrong(name: str, *fields: str, reason: str = "invalid_schema", lacking: str = "", **changed: Any) -> Bad:
    """A body that is fine but for what is named."""
    body = a_body(**{"request_id": request_id_of(name), **changed})
    body.pop(lacking, None)
    return Bad(name, json.dumps(body).encode(), reason, list(fields))


def unreadable(name: str, value: bytes) -> Bad:
    return Bad(name, value, "not_json")


def nested(depth: int) -> bytes:
    return b'{"request_id":"bad-nested","variables":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"


def asking(name: str, topic: bytes, header: str = "reply_to") -> Bad:
    """A request that is fine, with a reply topic in its headers that is not."""
    body = json.dumps(a_body(request_id=request_id_of(name))).encode()
    return Bad(name, body, "reply_topic_refused", ["reply_topic"], ((header, topic),))


FULL = json.dumps(a_body()).encode()

UNREADABLE = (
    Bad("null value", None, "null_value"),
    unreadable("no JSON", f"{MARK}0001 {SECRET}".encode()),
    unreadable("empty", b""),
    unreadable("cut off", FULL[:-1]),
    unreadable("not UTF-8", FULL.replace(SECRET.encode(), "Grüße".encode("latin-1"))),
    unreadable("a lone surrogate", FULL.replace(SECRET.encode(), rb"\ud800")),
    unreadable("a list", b"[" + FULL + b"]"),
    unreadable("Avro", b"\x00\x00\x00\x00\x2a" + f"\x16{MARK}0001\x12{SECRET}".encode()),
    unreadable("1 MiB of garbage", random.Random(7).randbytes(MIB - OVERHEAD_BYTES)),
    unreadable("a bomb of lists", b"[" * (MIB // 2)),
    unreadable("a bomb of objects", nested(100_000)),
)

WRONG = (
    wrong("empty recipients", "recipients", recipients=[]),
    wrong("no tenant", "tenant_id", lacking="tenant_id"),
    wrong("no channel", "channel", lacking="channel"),
    wrong("unknown channel", "channel", channel=SECRET),
    wrong("empty content", "content", content=""),
    wrong("unknown field", "(unknown)", colour=SECRET),
    wrong("field named as an address", "(unknown)", **{f"{MARK}0001": SECRET}),
    wrong("field named as an e-mail address", "(unknown)", **{f"{MARK}@example.com": SECRET}),
    wrong("variable named as an e-mail address", "variables.(unknown)", variables={f"{MARK}@example.com": 5}),
    wrong("wrong types", "content", "recipients[1].to", content=7, recipients=[f"{MARK}0001", {"to": 1380013}]),
    wrong("recipient with more", "recipients[0].(unknown)", recipients=[{"to": f"{MARK}0001", "colour": SECRET}]),
    wrong("variable that is no text", "variables.(unknown)", variables={"code": 5}),
    wrong("request id with a space", "request_id", request_id="bad-request id with a space"),
    wrong("e-mail without a subject", "subject", channel="email"),
    wrong("newer version", "schema_version", reason="unsupported_version", schema_version=2, colour=SECRET),
    wrong("unknown template", "template", reason="unknown_template", template="verify_code"),
    wrong("no template", "content", reason="invalid_content", content=SECRET + "{{"),
    wrong(
        "injecting subject",
        "subject",
        reason="invalid_content",
        channel="email",
        subject=f"{SECRET}\r\nBcc: eve@example.com",
    ),
    wrong(
        "injecting variable of a subject",
        "subject",
        reason="invalid_content",
        channel="email",
        subject="{{code}}",
        variables={"code": f"{SECRET}\nBcc: eve@example.com"},
    ),
)

REFUSED_REPLY = (
    wrong("reply topic of nobody", "reply_topic", reason="reply_topic_refused", reply_topic="elsewhere"),
    wrong("reply topic that is none", "reply_topic", reply_topic=f"{SECRET}/.."),
    asking("reply topic that does not exist", b"callers-nowhere"),
    asking("reply topic in a header of Spring", b"elsewhere", "kafka_replyTopic"),
    asking("reply topic that is no text", b"\x00\xff\xfe\x01"),
)

ALL = (*UNREADABLE, *WRONG, *REFUSED_REPLY)
