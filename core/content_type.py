"""Choice between text and HTML if neither the request nor its template states the content type."""

import re
from typing import NamedTuple

from schemas.statuses import ContentType

BYTE_ORDER_MARK = "\ufeff"
"""Mark that editors put in front of a file. It is no part of the text."""

_LEADING = re.compile(
    r"(?:[\s\ufeff\u00ad\u034f\u200b-\u200f\u2060]|&(?:[a-z]{0,4}sp|zwn?j|shy|\#[0-9]+|\#x[0-9a-f]+);"
    r"|\{\{[^{}]*+\}\}|<\?(?:xml|mso)\b[^<>]*+>)*+",
    re.IGNORECASE,
)
"""Everything that may stand before the first tag: blanks, invisible characters, placeholders and the XML prolog."""
_DOCTYPE = re.compile(r"<!doctype", re.IGNORECASE)
_COMMENT = re.compile(r"<!--|<!\[(?:if|endif)\b", re.IGNORECASE)
_TAG = re.compile(
    r"""<([a-z][a-z0-9]*+)
    (?:\s*+/?>
    | (\s++[^\s"'<>/=]++\s*+=)
    | (?=\s*+\{\{)
    | (?=\s++(?:(?:⚡|amp)(?:4email)?|data-[a-z-]++|checked|compact|disabled|hidden|noshade|nowrap|open)[\s/>]))
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Start tag without an attribute, with a value, or with a placeholder or an attribute that needs no value."""

_CERTAIN = frozenset(
    {"html", "head", "body", "p", "div", "span", "br", "hr", "wbr", "img", "meta", "h1", "h2", "h3", "h4", "h5", "h6"}
    | {"blockquote", "ul", "ol", "li", "dl", "dt", "dd", "tbody", "thead", "tfoot", "tr", "td", "th", "colgroup"}
    | {"pre", "em", "tt", "nobr", "noscript", "iframe", "svg"}
)
"""Names of elements that people do not write in angle brackets for another reason."""
_POSSIBLE = frozenset(
    {"a", "b", "i", "q", "s", "u", "abbr", "acronym", "address", "article", "aside", "audio", "base", "bdi", "bdo"}
    | {"big", "blink", "button", "canvas", "caption", "center", "cite", "code", "col", "data", "datalist"}
    | {"del", "details", "dfn", "dialog", "dir", "embed", "fieldset", "figcaption", "figure", "font", "footer"}
    | {"form", "frame", "frameset", "header", "hgroup", "input", "ins", "kbd", "label", "legend", "link"}
    | {"main", "map", "mark", "marquee", "menu", "meter", "nav", "object", "optgroup", "option", "output", "param"}
    | {"picture", "progress", "rp", "rt", "ruby", "samp", "script", "search", "section", "select", "slot", "small"}
    | {"source", "strike", "strong", "style", "sub", "summary", "sup", "table", "template", "textarea", "time"}
    | {"title", "track", "var", "video"}
)
"""Other names of elements. `<link> is your page` is text, so such a tag needs an attribute or its end tag."""


class ContentTypeChoice(NamedTuple):
    """Content type, and the reason for it as the second half of a sentence."""

    content_type: ContentType
    reason: str


def without_mark(content: str) -> str:
    """Return the content without byte order marks in front of it."""
    return content.lstrip(BYTE_ORDER_MARK)


def guess_content_type(content: str) -> ContentTypeChoice:
    """Return the type of an e-mail whose type is not stated, by what it begins with (docs/sending.md)."""
    begin = _LEADING.match(content).end()  # type: ignore[union-attr]  # the pattern matches the empty text
    if _DOCTYPE.match(content, begin):
        return ContentTypeChoice(ContentType.HTML, "it begins with <!DOCTYPE>")
    if _COMMENT.match(content, begin):
        return ContentTypeChoice(ContentType.HTML, "it begins with a comment of HTML")
    tag = _TAG.match(content, begin)
    name = tag[1].lower() if tag else ""
    if name in _CERTAIN or (tag and name in _POSSIBLE and (tag[2] or _goes_on(name, content, tag.end()))):
        return ContentTypeChoice(ContentType.HTML, f"it begins with the tag <{name}>")
    return ContentTypeChoice(ContentType.PLAIN, "it does not begin with a tag of HTML")


def _goes_on(name: str, content: str, at: int) -> bool:
    """Return whether a certain tag follows at once, or the end tag further on."""
    following = _TAG.match(content, _LEADING.match(content, at).end())  # type: ignore[union-attr]  # see above
    if following is not None and following[1].lower() in _CERTAIN:
        return True
    return re.compile(rf"</{name}\s*+>", re.IGNORECASE).search(content, at) is not None


_FIRST_RULE = re.compile(r"\s*<[A-Za-z!]")


def first_rule(content: str) -> ContentType:
    """Return the type of an e-mail that was stored without one. This rule never changes.

    It is the rule of the first version. Requests that were stored by it are still delivered, and sent again, by it.
    """
    return ContentType.HTML if _FIRST_RULE.match(content) else ContentType.PLAIN
