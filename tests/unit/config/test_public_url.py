"""Public URL that links begin with."""

import pytest

from config.public_url import MAX_PUBLIC_URL, PublicUrlSettings
from config.settings import SettingsError, load


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("https://mail.example.org", "https://mail.example.org"),
        ("https://example.org:8443/rollcall/", "https://example.org:8443/rollcall"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("", None),
    ],
)
def test_a_base_is_taken_without_its_last_slash(given: str, base: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_PUBLIC_URL", given)
    assert load(PublicUrlSettings).public_url == base


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org",
        "ftp://example.org",
        "https://",
        "https://me@example.org",
        "https://example.org/?a=1",
        "https://example.org/#a",
        "https://example.org:0",
        "https://example.org/a,b",
        'https://example.org/"onclick',
        "https://example.org/{{name}}",
        "https://exämple.org",
        "https://example.org/\r\nBcc:",
        f"https://example.org/{'a' * MAX_PUBLIC_URL}",
    ],
)
def test_a_url_that_would_break_a_header_or_a_text_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_PUBLIC_URL", url)
    with pytest.raises(SettingsError, match=r"^ROLLCALL_PUBLIC_URL: must ") as caught:
        load(PublicUrlSettings)
    assert url not in str(caught.value)
