"""Unsubscribe page: small, without a script, and without anything from elsewhere."""

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from types import MappingProxyType

from starlette.responses import Response

from producer.unsubscribe.sentences import ENGLISH, SENTENCES, Sentences

HTML = "text/html"
MAX_ACCEPT_LANGUAGE = 500
"""Maximum length of an `Accept-Language` that is read, in characters. A longer one counts as none."""

_ACCEPTED = re.compile(r"\s*([A-Za-z]{2})(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?")
"""Language range of RFC 9110, 12.5.4, with its weight."""
_STYLE = (
    "body{font:1.1em/1.5 system-ui,sans-serif;max-width:32em;margin:4em auto;padding:0 1em}"
    "button{font:inherit;padding:.6em 1.2em}"
)
_POLICY = (
    "default-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "form-action 'self'",
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'",
)
_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Content-Security-Policy": ";".join(_POLICY),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
    }
)
"""Headers of each page. The URL of the page may leave it in no way, because anybody who has it can unsubscribe."""
_FORM = '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click"><button>{}</button></form>'
"""Form of RFC 8058, which goes to the URL of the page itself."""


def choose_language(known: str | None, accepted: str) -> str:
    """Return the language of the recipient if the page has it, else the best one that the browser accepts."""
    if known in SENTENCES:
        return known
    weights: dict[str, float] = {}
    for each in accepted.split(",") if len(accepted) <= MAX_ACCEPT_LANGUAGE else ():
        found = _ACCEPTED.fullmatch(each)
        if found and found[1].lower() in SENTENCES:
            weights.setdefault(found[1].lower(), float(found[2] or 1))
    best = max(weights, key=lambda name: weights[name], default="en")
    return best if weights.get(best, 1) else "en"


def question_page(language: str) -> Response:
    """Return the page with the button."""
    sentences = _of(language)
    body = f"<p>{escape(sentences.question)}</p>{_FORM.format(escape(sentences.button))}"
    return _page(language, sentences.title, body)


def done_page(language: str) -> Response:
    """Return the page that says that the opt-out is recorded."""
    return _page(language, _of(language).done_title, f"<p>{escape(_of(language).done)}</p>")


def invalid_page(language: str) -> Response:
    """Return the page for every link that is not valid, whatever is wrong with it."""
    return _page(language, _of(language).invalid_title, f"<p>{escape(_of(language).invalid)}</p>", 404)


def later_page(language: str, status: int, headers: Mapping[str, str]) -> Response:
    """Return the page of a call that may be repeated later."""
    return _page(language, _of(language).later_title, f"<p>{escape(_of(language).later)}</p>", status, headers)


def _of(language: str) -> Sentences:
    return SENTENCES.get(language, ENGLISH)


def _page(
    language: str, title: str, body: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    html = (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>\n"
    )
    return Response(html, status, {**_HEADERS, **(headers or {})}, HTML)
