"""URL of a callback as its vendor sees and signs it."""

import pytest
from starlette.requests import Request

from producer.callbacks.callback import read_callback
from tests.support.service import NOON

PATH = "/communication/callback/twilio/a%2Fb"


def a_request(query: bytes) -> Request:
    return Request(
        {
            "type": "http",
            "scheme": "http",
            "path": "/communication/callback/twilio/a/b",
            "raw_path": PATH.encode(),
            "query_string": query,
            "headers": [(b"host", b"10.0.0.7:8080"), (b"x-twilio-signature", b"s")],
        }
    )


@pytest.mark.parametrize(
    ("public_url", "query", "url"),
    [
        (None, b"", f"http://10.0.0.7:8080{PATH}"),
        (None, b"a=%20+&b=\xff", f"http://10.0.0.7:8080{PATH}?a=%20+&b=\xff"),
        ("https://rollcall.example", b"delivery_id=log_1", f"https://rollcall.example{PATH}?delivery_id=log_1"),
        ("https://rollcall.example/behind", b"", f"https://rollcall.example/behind{PATH}"),
    ],
)
def test_the_public_url_replaces_what_a_proxy_changes_and_nothing_else(
    public_url: str | None, query: bytes, url: str
) -> None:
    callback = read_callback(a_request(query), b"body", public_url, "secret", NOON)

    assert callback.url == url
    assert (callback.body, callback.received_at, callback.path_secret) == (b"body", NOON, "secret")
    assert callback.headers["x-twilio-signature"] == "s"
    assert "secret" not in repr(callback)
    assert "twilio" not in repr(callback)
