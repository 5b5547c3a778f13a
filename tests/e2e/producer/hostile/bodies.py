"""Hostile bodies: invalid, too large, or with values that a request must not have."""

import gzip
import json
from typing import Any

import orjson

from tests.e2e.producer.hostile.wire import Hostile, post
from tests.support.service import GOOD

MIB = 1024 * 1024
GOOD_TEXT = json.dumps(GOOD)


def saying(*, without: str = "", **changes: Any) -> bytes:
    """Return a request with other fields."""
    return post(orjson.dumps({name: value for name, value in {**GOOD, **changes}.items() if name != without}))


def mail(**changes: Any) -> bytes:
    """Return an e-mail with other fields."""
    return saying(**{"channel": "email", "subject": "Hi", "recipients": ["a@example.com"], **changes})


def text(raw: str) -> bytes:
    return post(raw.encode("utf-8", "surrogatepass"))


def large(recipient: str, before: str = "") -> bytes:
    """Return a body of more than a piece whose last recipient is `recipient`."""
    many = '"13800138000",' * 5_000
    return text(f'{{{before}"channel":"sms","content":"a","recipients":[{many}{recipient}]}}')


GZIPPED = gzip.compress(GOOD_TEXT.encode())
BOMB = gzip.compress(b" " * (50 * MIB), 9)

FORMS = (
    Hostile("no content type", post(media=None), 415, "application/json"),
    Hostile("a form", post(b"channel=sms", media="application/x-www-form-urlencoded"), 415, "application/json"),
    Hostile("a multipart form", post(b"--a--", media="multipart/form-data; boundary=a"), 415, "application/json"),
    Hostile("plain text", post(media="text/plain"), 415, "application/json"),
    Hostile("XML", post(b"<a/>", media="application/xml"), 415, "application/json"),
    Hostile("JSON lines", post(media="application/jsonl"), 415, "application/json"),
    Hostile("another charset", post(media="application/json; charset=utf-16"), 415, "UTF-8"),
    Hostile("gzip", post(GZIPPED, "Content-Encoding: gzip"), 415, "must not be compressed"),
    Hostile("a gzip bomb", post(BOMB, "Content-Encoding: gzip"), 415, "must not be compressed"),
    Hostile("deflate", post(b"x", "Content-Encoding: deflate"), 415, "must not be compressed"),
    Hostile("an encoding in two steps", post(b"x", "Content-Encoding: identity, gzip"), 415, "must not be"),
    Hostile("gzip that does not say so", post(GZIPPED), 400, "not JSON"),
    Hostile("gzip in chunks", post(BOMB[:100], "Content-Encoding: br"), 415, "must not be compressed"),
    Hostile("a byte too many", lambda: post(b" " * (16 * MIB + 1)), 413, "16777216 bytes"),
    Hostile("50 MB", lambda: post(b" " * (50 * MIB)), 413, "16777216 bytes"),
)

TEXTS = (
    Hostile("no body", post(b""), 400, "not JSON"),
    Hostile("spaces", post(b"   "), 400, "not JSON"),
    Hostile("16 MB of spaces", lambda: post(b" " * (16 * MIB)), 400, "not JSON"),
    Hostile("null", post(b"null"), 400, "the body is not an object"),
    Hostile("a number", post(b"7"), 400, "the body is not an object"),
    Hostile("an array", post(b"[]"), 400, "the body is not an object"),
    Hostile("text", post(b'"sms"'), 400, "the body is not an object"),
    Hostile("an empty object", post(b"{}"), 400, "channel: is required. content: is required"),
    Hostile("half an object", text(GOOD_TEXT[:-1]), 400, "not JSON"),
    Hostile("an object and a half", text(GOOD_TEXT + "{"), 400, "not JSON"),
    Hostile("two objects", text(GOOD_TEXT * 2), 400, "not JSON"),
    Hostile("a comma at the end", text(GOOD_TEXT[:-1] + ",}"), 400, "not JSON"),
    Hostile("single quotes", text(GOOD_TEXT.replace('"', "'")), 400, "not JSON"),
    Hostile("a comment", text("/* */" + GOOD_TEXT), 400, "not JSON"),
    Hostile("two byte order marks", post(2 * b"\xef\xbb\xbf" + GOOD_TEXT.encode()), 400, "not JSON"),
    Hostile("UTF-16", post(GOOD_TEXT.encode("utf-16")), 400, "not JSON"),
    Hostile(
        "Latin-1", post(json.dumps({**GOOD, "content": "é"}, ensure_ascii=False).encode("latin-1")), 400, "not JSON"
    ),
    Hostile("a null byte in a string", post(GOOD_TEXT.replace("Hello", "a\x00b").encode()), 400, "not JSON"),
    Hostile("a line break in a string", post(GOOD_TEXT.replace("Hello", "a\nb").encode()), 400, "not JSON"),
    Hostile("an overlong form of a slash", post(GOOD_TEXT.encode().replace(b"Hello", b"\xc0\xaf")), 400, "not JSON"),
    Hostile("half a surrogate pair, escaped", text(GOOD_TEXT.replace("Hello", "\\ud800")), 400, "not JSON"),
    Hostile("half a surrogate pair, in bytes", text(GOOD_TEXT.replace("Hello", "\ud800")), 400, "not JSON"),
    Hostile("a surrogate in an address", large('"\\udfff"'), 400, "not JSON, at recipients[4"),
    Hostile("NaN", text(GOOD_TEXT.replace('"Hello"', "NaN")), 400, "content: "),
    Hostile("infinity", text(GOOD_TEXT.replace('"Hello"', "-Infinity")), 400, "content: "),
    Hostile("NaN as a recipient", text(GOOD_TEXT.replace('"13800138000"', "NaN")), 400, "recipients[0]: "),
    Hostile(
        "a number of a million digits",
        text(GOOD_TEXT.replace('"Hello"', "9" * MIB)),
        400,
        "the body is not JSON: number",
    ),
    Hostile("a number of 10^999999", text(GOOD_TEXT.replace('"Hello"', "1e999999")), 400, "content: "),
    Hostile("a name twice", text('{"channel":"email",' + GOOD_TEXT[1:]), 400, "channel: is given twice"),
    Hostile("recipients twice", text('{"recipients":["1"],' + GOOD_TEXT[1:]), 400, "recipients: is given twice"),
    Hostile("a name twice, escaped", text('{"ch\\u0061nnel":"sms",' + GOOD_TEXT[1:]), 400, "channel: is given twice"),
    Hostile(
        "an address twice",
        text(GOOD_TEXT.replace('"13800138000"', '{"to":"1","to":"2"}')),
        400,
        "recipients[0].to: is given",
    ),
    Hostile("a name twice, far behind", large('{"to":"1","to":"2"}'), 400, "].to: is given twice"),
    Hostile("recipients twice, far apart", large('"1"', '"recipients":[],'), 400, "recipients: is given twice"),
    Hostile("10 MB of brackets", lambda: post(b"[" * (10 * MIB)), 400, "not"),
    Hostile("10 MB of brackets that close", lambda: post(b"[" * (5 * MIB) + b"]" * (5 * MIB)), 400, "not"),
    Hostile("10 MB of braces", lambda: post(b'{"a":' * (2 * MIB)), 400, "(unknown): is not a field"),
    Hostile(
        "brackets as content", lambda: text(f'{{"content":{"[" * (10 * MIB)}'), 400, "content: is not JSON, nested too"
    ),
    Hostile("brackets as a recipient", lambda: large("[" * (10 * MIB)), 400, "the body has a value with more names"),
    Hostile("16 MB without an end", lambda: post(b'{"content":"' + b"a" * (15 * MIB)), 400, "content: is not JSON"),
    Hostile("a name of 10 MB", lambda: text(f'{{"{"a" * (10 * MIB)}":1}}'), 400, "the body: is not JSON"),
    Hostile(
        "500,000 fields", lambda: text("{" + ",".join(f'"f{n}":1' for n in range(500_000)) + "}"), 400, "(unknown): "
    ),
    Hostile("a million numbers", lambda: saying(recipients=[1] * 1_000_000), 400, "recipients[0]: is neither"),
    Hostile(
        "two million empty objects", lambda: saying(recipients=[{}] * 2_000_000), 400, "recipients[0].to: is required"
    ),
    Hostile(
        "100,001 recipients", lambda: saying(recipients=["1"] * 100_001), 400, "recipients: at most 100,000 are allowed"
    ),
)

FIELDS = (
    Hostile("no channel", saying(without="channel"), 400, "channel: is required"),
    Hostile("an unknown channel", saying(channel="fax"), 400, "channel: input should be 'sms' or 'email'"),
    Hostile("a channel in capitals", saying(channel="SMS"), 400, "channel: "),
    Hostile("a channel that is null", saying(channel=None), 400, "channel: "),
    Hostile("a channel that is a list", saying(channel=["sms"]), 400, "channel: "),
    Hostile("no content", saying(without="content"), 400, "content: is required"),
    Hostile("empty content", saying(content=""), 400, "content: may be empty only with a template"),
    Hostile("content that is an object", saying(content={}), 400, "content: "),
    Hostile("content of 900 KB", saying(content="x" * 900_000), 400, "content: "),
    Hostile("a placeholder without an end", saying(content="{{a"), 400, "content: malformed placeholder"),
    Hostile("a placeholder with logic", saying(content="{{a.__class__}}"), 400, "variables.a.__class__: "),
    Hostile("a variable without a value", saying(content="{{a}}"), 400, "recipients[0].variables.a: "),
    Hostile("no recipients", saying(without="recipients"), 400, "recipients: is required"),
    Hostile("empty recipients", saying(recipients=[]), 400, "recipients: at least one is required"),
    Hostile("recipients that are text", saying(recipients="13800138000"), 400, "recipients: "),
    Hostile("recipients that are an object", saying(recipients={"to": "1"}), 400, "recipients: "),
    Hostile("recipients that are null", saying(recipients=None), 400, "recipients: "),
    Hostile("a recipient that is a number", saying(recipients=["1", 2]), 400, "recipients[1]: is neither"),
    Hostile("a recipient that is null", saying(recipients=[None]), 400, "recipients[0]: is neither"),
    Hostile("a recipient that is a list", saying(recipients=[["1"]]), 400, "recipients[0]: is neither"),
    Hostile("an empty recipient", saying(recipients=[""]), 400, "recipients[0]: "),
    Hostile("a recipient of 321 letters", saying(recipients=["1" * 321]), 400, "recipients[0]: "),
    Hostile("a recipient without an address", saying(recipients=[{}]), 400, "recipients[0].to: is required"),
    Hostile("an address that is a number", saying(recipients=[{"to": 1}]), 400, "recipients[0].to: "),
    Hostile(
        "a field of a recipient", saying(recipients=[{"to": "1", "cc": "2"}]), 400, "[0].(unknown): is not a field"
    ),
    Hostile(
        "a reference of 201 letters", saying(recipients=[{"to": "1", "reference": "x" * 201}]), 400, "[0].reference: "
    ),
    Hostile(
        "a variable that is a number",
        saying(recipients=[{"to": "1", "variables": {"a": 1}}]),
        400,
        "variables.(unknown): ",
    ),
    Hostile("a variable without a name", saying(recipients=[{"to": "1", "variables": {"": "1"}}]), 400, "variables."),
    Hostile("the 5,000th recipient", large("7"), 400, "recipients[5000]: is neither"),
    Hostile("variables that are a list", saying(variables=[]), 400, "variables: "),
    Hostile("a variable that is a list", saying(variables={"a": ["b"]}), 400, "variables.(unknown): "),
    Hostile("a variable of 500 KB", saying(variables={"a": "x" * 500_000}), 400, "variables.(unknown): "),
    Hostile("a subject of 901 letters", saying(subject="x" * 901), 400, "subject: "),
    Hostile(
        "a subject that adds a header",
        saying(subject="a\r\nBcc: b@example.com"),
        400,
        "subject: must not contain a line break",
    ),
    Hostile("mail without a subject", saying(channel="email"), 400, "subject: is required"),
    Hostile("a template that is a number", saying(template=7), 400, "template: "),
    Hostile("a template that is not there", saying(template="no_such"), 404, "no_such"),
    Hostile("a user_id that is a number", saying(user_id=7), 400, "user_id: "),
    Hostile("an empty user_id", saying(user_id=""), 400, "user_id: "),
    Hostile("a tenant_id that is an object", saying(tenant_id={"$ne": None}), 400, "tenant_id: "),
    Hostile("an unknown field", saying(priority=1), 400, "(unknown): is not a field of this body"),
    Hostile("a field of the record", saying(request_id="mine"), 400, "(unknown): is not a field of this body"),
    Hostile("a field of Python's", text(GOOD_TEXT[:-1] + ',"__class__":1}'), 400, "(unknown): is not a field"),
    Hostile("an operator of MongoDB's", text(GOOD_TEXT[:-1] + ',"$where":"1"}'), 400, "(unknown): is not a field"),
    Hostile("a time that is a word", saying(send_at="soon"), 400, "send_at: "),
    Hostile("a time without a zone", saying(send_at="2026-04-15T10:00:00"), 400, "send_at: "),
    Hostile("a time that is a number", saying(send_at=1_700_000_000), 400, "send_at: "),
    Hostile("the 30th of February", saying(send_at="2026-02-30T10:00:00Z"), 400, "send_at: "),
    Hostile("the year 10000", saying(send_at="10000-01-01T00:00:00Z"), 400, "send_at: "),
    Hostile("the year 0", saying(expires_at="0000-01-01T00:00:00Z"), 400, "expires_at: "),
    Hostile(
        "an end before the beginning",
        saying(send_at="2036-01-02T00:00:00Z", expires_at="2036-01-01T00:00:00Z"),
        400,
        "expires_at: ",
    ),
    Hostile("a category that is none", saying(category="spam"), 400, "category: "),
    Hostile("an on_uncertain that is none", saying(on_uncertain="retry"), 400, "on_uncertain: "),
    Hostile("a region that is no country", saying(region="XX"), 400, "region: must be the ISO 3166-1 code"),
    Hostile("a provider that is no name", saying(provider="a b"), 400, "provider: "),
    Hostile("a region that is a list", saying(region=["CN"]), 400, "region: "),
    Hostile("a secret variable of no text", saying(secret_variables=["a"]), 400, "secret_variables[0]: is used in"),
    Hostile("a secret variable named twice", saying(secret_variables=["a", "a"]), 400, "secret_variables[1]: "),
    Hostile("a secret variable that is a number", saying(secret_variables=[1]), 400, "secret_variables[0]: "),
    Hostile("secret variables with values", saying(secret_variables={"a": "1"}), 400, "secret_variables: "),
    Hostile("100,000 secret variables", lambda: saying(secret_variables=["a"] * 100_000), 400, "the body has a value"),
    Hostile("secrets that are kept by a word", saying(keep_secret_variables="yes"), 400, "keep_secret_variables: "),
    Hostile("a topic with a space", saying(reply_topic="a b"), 400, "reply_topic: "),
    Hostile("a topic that is not allowed", saying(reply_topic="somebody-elses"), 400, "reply_topic: "),
    Hostile("a topic of rollcall's own", saying(reply_topic="communication.bulk.requests"), 400, "reply_topic: "),
    Hostile("a reply address of an SMS", saying(reply_to="a@example.com"), 400, "reply_to: is only for e-mail"),
    Hostile("copies of an SMS", saying(cc=["a@example.com"]), 400, "cc: is only for e-mail"),
    Hostile("a copy to a name", mail(cc=["a@example.com", "nobody"]), 400, "cc[1]: the address has no @"),
    Hostile("a header behind a reply address", mail(reply_to="a@b.org\r\nBcc: c@b.org"), 400, "reply_to: "),
    Hostile("eleven copies", mail(cc=["a@example.com"] * 11), 400, "cc: "),
    Hostile("copies for two", mail(cc=["a@b.org"], recipients=["c@b.org", "d@b.org"]), 400, "cc: needs a request with"),
)

QUERIES = (
    Hostile("page 0", post(path="/communication/bulk?page=0"), 400, "page: "),
    Hostile("page -1", post(path="/communication/bulk?page=-1"), 400, "page: "),
    Hostile("a page that is a word", post(path="/communication/bulk?page=first"), 400, "page: "),
    Hostile("a page of 20 digits", post(path=f"/communication/bulk?page={'9' * 20}"), 400, "page: "),
    Hostile("a page of 5,000 digits", post(path=f"/communication/bulk?page={'9' * 5_000}"), 400, "page: "),
    Hostile("a page that is NaN", post(path="/communication/bulk?page=NaN"), 400, "page: "),
    Hostile("a page with a null byte", post(path="/communication/bulk?page=1%00"), 400, "page: "),
    Hostile("a page that is no UTF-8", post(path="/communication/bulk?page=%ff%fe"), 400, "page: "),
    Hostile("a page size of 101", post(path="/communication/bulk?page_size=101"), 400, "page_size: "),
    Hostile("a page size of 0", post(path="/communication/bulk?page_size=0"), 400, "page_size: "),
    Hostile("an empty page size", post(path="/communication/bulk?page_size="), 400, "page_size: "),
)

ALL = (*FORMS, *TEXTS, *FIELDS, *QUERIES)
