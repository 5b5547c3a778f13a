"""List-Unsubscribe of an e-mail: URIs with variables (RFC 2369), and unsubscribing with one click (RFC 8058)."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from core.render import RenderError, Template, TemplateError, compile_uri
from core.send_result import Message
from core.variable_names import Variables
from providers.mail_headers import MAX_LINE, HeaderTooLongError, fold
from schemas.statuses import Category

_ONE_CLICK = "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
_LIST = re.compile(r"<[^<>]*>(?: *, *<[^<>]*>)*")
_VARIABLE = "\0"
"""Value that shows the places of the variables in a URI. It becomes `%00`, which no other part of a URI may have."""
_ENCODED = "%[0-9A-Fa-f]{2}"
_LABEL = "[A-Za-z0-9]++(?:-++[A-Za-z0-9]++)*+"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*+\.?"
_WEB = re.compile(
    rf"https?://(?:{_HOST}|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?"
    rf"(?:[/?](?:[A-Za-z0-9._~!$&'()*+;=:@/?-]|{_ENCODED})*)?",
    re.IGNORECASE,
)
"""URI of RFC 3986 without a user and a fragment. A variable may stand behind the host."""
_MAIL = re.compile(
    rf"mailto:(?:[A-Za-z0-9._~!$'*+-]|{_ENCODED})+@{_HOST}"
    rf"(?:\?(?:[A-Za-z0-9._~!$&'()*+;=:@/?-]|{_ENCODED})*)?",
    re.IGNORECASE,
)
"""URI of RFC 6068 with one address. A variable may stand before the @ and behind the domain."""


@dataclass(frozen=True, slots=True)
class ListUnsubscribe:
    """Compiled URIs of a provider, rendered for each e-mail."""

    uris: tuple[Template, ...]
    one_click_names: frozenset[str]
    """Variables of the https URI. Empty if there is none, or another URI of the web beside it (RFC 8058, 3.1)."""

    def headers(self, message: Message) -> list[str]:
        """Return the headers of an e-mail without a link of its own.

        A transactional e-mail whose URIs cannot be rendered has none. For a marketing e-mail this raises
        core.render.RenderError or HeaderTooLongError.
        """
        try:
            header = _header(uri.render(message.variables, message.request_variables, MAX_LINE) for uri in self.uris)
        except (RenderError, HeaderTooLongError):
            if message.category is Category.MARKETING:
                raise
            return []
        # A variable of the request has one value for all recipients. The server could not tell who unsubscribes.
        names_recipient = any(map(Variables(message.variables).get, self.one_click_names))
        return [header, _ONE_CLICK] if names_recipient else [header]

    def mail_uris(self, message: Message) -> list[str]:
        """Return the `mailto:` URIs of an e-mail that can be rendered."""
        uris = []
        for uri in self.uris:
            with suppress(RenderError):
                uris.append(uri.render(message.variables, message.request_variables, MAX_LINE))
        return [uri for uri in uris if uri[:7].lower() == "mailto:"]


def headers_with_link(link: str, others: Iterable[str]) -> list[str]:
    """Return the headers of an e-mail that has a link of its own. Others that do not fit into a line are left out.

    One click needs https, and no other URI of the web beside it (RFC 8058, 3.1).
    """
    try:
        header = _header((link, *others))
    except HeaderTooLongError:
        header = _header((link,))
    return [header, _ONE_CLICK] if link.startswith("https:") else [header]


def parse_list_unsubscribe(text: str) -> ListUnsubscribe:
    """Return the URIs of `URI` or `<URI>, <URI>`, ready to be rendered. Raises ValueError, which shows no value."""
    text = text.strip(" ")
    if text.startswith("<") and not _LIST.fullmatch(text):
        raise ValueError("must be one URI, or several as <https://...>, <mailto:...>")
    sources = re.findall(r"<([^<>]*)>", text) if text.startswith("<") else [text]
    uris = tuple(map(_compile, sources))
    try:
        _header(_sample(uri) for uri in uris)
    except HeaderTooLongError:
        raise ValueError("has a URI that does not fit into a line of an e-mail, which has 998 characters") from None
    web = [uri for uri in uris if _sample(uri)[:4].lower() == "http"]
    is_one_click = len(web) == 1 and _sample(web[0])[:6].lower() == "https:"
    return ListUnsubscribe(uris, web[0].names if is_one_click else frozenset())


def _header(uris: Iterable[str]) -> str:
    *others, last = [f"<{uri}>" for uri in uris]
    return fold("List-Unsubscribe", [*(f"{uri}," for uri in others), last])


def _compile(source: str) -> Template:
    try:
        uri = compile_uri(source)
    except TemplateError as error:
        raise ValueError(str(error)) from None
    sample = _sample(uri)
    if "%00" in source or not re.fullmatch("[!-~]+", sample):
        raise ValueError("must be ASCII without blanks. Write other characters as %XX, and those of a host as xn--.")
    if "," in sample:
        raise ValueError("has a comma. Write it as %2C, and several URIs as <https://...>, <mailto:...>.")
    if not re.match("(?:https?|mailto):", sample, re.IGNORECASE):
        raise ValueError("must begin with https:, http: or mailto:")
    if not _WEB.fullmatch(sample) and not _MAIL.fullmatch(sample):
        raise ValueError(
            "is not a valid URI. A variable is written as {{name}}, and stands behind the host or before the @. "
            "A fragment is not allowed."
        )
    return uri


def _sample(uri: Template) -> str:
    return uri.render(dict.fromkeys(uri.names, _VARIABLE), {})
