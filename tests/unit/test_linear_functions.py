"""Every function over a text of a caller takes linear time, also those that use no regular expression."""

import io
from collections.abc import Callable

import orjson
import pytest
from starlette.datastructures import Headers

from cli.recipients_file.json_values import JsonValues
from cli.recipients_file.row_error import RowError
from consumer.expand.decode import decode, read_correlation, read_reply_topic
from consumer.expand.large_record_ids import read_scalars
from consumer.kafka.record import KafkaRecord
from core.addresses.email import read_email
from core.addresses.mailbox import split_mailbox
from core.addresses.phone import read_phone
from core.content_type import guess_content_type
from core.mask import mask_email, mask_raw
from core.render import RenderError, TemplateError, compile_html, compile_subject, compile_text
from core.text_part import html_to_text
from core.variable_names import normalise_name, read_name
from producer.bulk.prefer_header import parse_wait_seconds, prefers_lenient
from producer.errors import ApiError
from producer.http.request_bodies import check_headers
from producer.read.cursor import read_cursor
from providers.mail_headers import HeaderTooLongError, text_header
from schemas.check_names import check_names
from schemas.requests import BulkRequest
from schemas.timestamps import timestamp_problem
from tests.support.hostile_texts import MAX_GROWTH, Cost, growth_of

SIZE = 2_500
TEXTS = (
    *(
        "<",
        "</",
        "<a ",
        "<!--",
        "<p",
        "<a x='",
        '<a x="',
        "<script>",
        "</script",
        "<pre>\n",
        "<td>",
        "<!--[if x",
        "<br/>",
    ),
    *("<a href='http://x/'>y</a>", "<a href=x>", "<a b=c ", "<img alt='x'>", "<style></style >", "<!doctype", "<?xml "),
    *(
        "{{a}}",
        "{{",
        "{{a}}{{b}}",
        "{{ ",
        "{{a|",
        "{{{{",
        "{{#",
        "}}",
        "{",
        "http://",
        "http://x/{{a}}?",
        "://a.",
        "?a=",
    ),
    *(
        "&nbsp;",
        "&#1",
        "&#x1",
        "&a",
        "&#",
        "\n",
        "\r\n",
        " ",
        "\u3000",
        "a",
        "a ",
        ".",
        "-",
        "\u0301",
        "\u00e9",
        "\U0001f600",
    ),
    *(
        "\u0344",
        "\u1100\u1161",
        "\u200b",
        "\x00",
        ",",
        ";",
        '"',
        "\\",
        '\\"',
        "=",
        "@",
        "a@",
        "+",
        "(",
        "1",
        "1 ",
        "1.",
        "1-",
    ),
)
FAMILIES = [
    (begin, part, end)
    for part in TEXTS
    for begin, end in (("", ""), ("<a ", ">"), ("{{", "}}"), ("1", "x"), ("a=", '"'), ('{"a', "\\"))
]


def quietly(function: Callable[[str], object]) -> Cost:
    """Return a function that ends without an error if the text is not valid."""

    def run(text: str) -> object:
        try:
            return function(text)
        except (ValueError, ApiError, RenderError, TemplateError, HeaderTooLongError, RowError):
            return None

    return run


def rendered(text: str) -> object:
    html, values, defaults = compile_html(text), {"a": text}, {"b": "x"}
    assert html.text_part is not None
    return [part.render(values, defaults) for part in (compile_text(text), html, html.text_part)]


def record(value: str = "", **headers: str) -> KafkaRecord:
    encoded = tuple((name, text.encode("utf-8", "replace")) for name, text in headers.items())
    return KafkaRecord("requests", 0, 0, 1_764_000_000_000, None, value.encode("utf-8", "replace"), encoded)


def a_body(**fields: object) -> str:
    return orjson.dumps({"channel": "sms", "content": "x", "tenant_id": "t", "recipients": ["1"], **fields}).decode()


REQUEST = decode(record(a_body()))
assert isinstance(REQUEST, BulkRequest)

FUNCTIONS: dict[str, tuple[Callable[[str], object], int]] = {
    "read_scalars": (lambda text: read_scalars(text.encode("utf-8", "replace"), ("tenant_id",)), SIZE),
    "html_to_text": (html_to_text, SIZE),
    "guess_content_type": (guess_content_type, SIZE),
    "compile_text": (compile_text, SIZE),
    "compile_html": (compile_html, SIZE),
    "compile_subject": (compile_subject, SIZE),
    "render": (rendered, SIZE),
    "read_name": (read_name, SIZE),
    "normalise_name": (normalise_name, SIZE),
    "split_mailbox": (split_mailbox, SIZE),
    "mask": (lambda text: (mask_raw(text), mask_email(text)), SIZE),
    "email": (read_email, SIZE),
    "email of a permitted length": (lambda text: read_email(text[:250] + "@" + text[:60]), SIZE),
    "phone": (lambda text: read_phone(text, "DE"), SIZE),
    "timestamp": (lambda text: timestamp_problem("2026-01-02T03:04:05" + text, 2000), SIZE),
    "prefer": (lambda text: (parse_wait_seconds([text]), prefers_lenient([text])), SIZE),
    "headers": (lambda text: check_headers(Headers({"content-type": text, "content-length": text}), 10), SIZE),
    "cursor": (read_cursor, SIZE),
    "subject of a mail": (lambda text: text_header("Subject", text[:900]), 225),
    "text of a record": (lambda text: decode(record(a_body(content=text))), SIZE),
    "bytes of a record": (lambda text: decode(record(text)), SIZE),
    "name in a record": (lambda text: decode(record(a_body(**{text: 1}))), SIZE),
    "name of a variable": (lambda text: decode(record(a_body(variables={text: 1}))), SIZE),
    "name in a large record": (lambda text: check_names(BulkRequest, a_body(**{text: 1}).encode()), SIZE),
    "headers of a record": (
        lambda text: (
            read_correlation(record(correlation_id=text)),
            read_reply_topic(record(reply_to=text), REQUEST),
        ),
        SIZE,
    ),
    "values of a JSON file": (lambda text: list(JsonValues(io.StringIO("[" + text), 1_000_000)), SIZE),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_takes_linear_time(name: str) -> None:
    function, size = FUNCTIONS[name]
    for family in FAMILIES:
        growth = growth_of(quietly(function), family, size)
        if growth > MAX_GROWTH:
            growth = min(growth_of(quietly(function), family, size) for _ in range(3))
        assert growth <= MAX_GROWTH, family


NESTED = ("[", '{"a":', '[{"a":', '{"recipients":[', '{"variables":{"a":')


@pytest.mark.parametrize("part", NESTED)
@pytest.mark.parametrize(
    "begin", ["", '{"recipients":[', '{"variables":', '{"recipients":[{"to":"1","variables":', '{"x":']
)
def test_json_that_is_nested_deeply_is_refused_in_every_place(begin: str, part: str) -> None:
    rejected = decode(record(begin + part * 50_000))

    assert not isinstance(rejected, BulkRequest)
    assert rejected.reason == "not_json"
