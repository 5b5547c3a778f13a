"""Rule that chooses between text and HTML if nobody states the type."""

import pytest

from core.content_type import first_rule, guess_content_type
from schemas.statuses import ContentType

HTML_TEXTS = [
    "<p>x",
    "<P CLASS=a>x",
    "  \n<html>",
    "<!DOCTYPE html><html>",
    "<!doctype HTML PUBLIC '-//W3C//DTD XHTML 1.0 Strict//EN' 'http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd'>",
    "\ufeff<html><body><p>Hello {{name}}</p></body></html>",
    "\ufeff\ufeff \u00a0<br>x",
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html><html>',
    '\ufeff<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body/></html>',
    "<!-- made by an editor -->\n<p>x</p>",
    "<!--[if mso]><table><tr><td><![endif]--><div>x</div>",
    "<![if !mso]><p>x</p><![endif]>",
    "{{greeting}}<p>x</p>",
    "&nbsp;<p>x</p>",
    "{{ greeting }} {{name}}\n<br/>x",
    "\ufeff{{logo}}<table width=1>",
    "<table>\n<tr><td>x</td></tr></table>",
    "<a href='https://x.example'>x</a>",
    "<a href={{link}}>x",
    "<b>Dear</b> {{name}}",
    "<body>Dear {{name}}",
    "<table>\n<tr><td>x",
    "<center>x</CENTER >",
    "<style>p { color: red }</style><p>x</p>",
    '<link rel="stylesheet">',
    "<br>x",
    "<hr />",
    "<!doctypehtml><html>",
    "<html ⚡4email data-css-strict>",
    "<html amp4email>",
    "<div hidden>x",
    "<td nowrap><p>x",
    "<details open>x</details>",
    "<button disabled>x</button>",
    "<body {{colours}}>x",
    "<div{{style}}>x",
    "&#160;&#xFEFF;&zwnj;&ensp;<p>x",
    "&#8199;&#65279;&#847;<div>x",
    "\u00ad\u200c\u2060<p>x",
    '<?mso-application progid="Word.Document"?><html>',
    '<?xml version="1.0"?><?xml-stylesheet href="a.css"?><html>',
]
PLAIN_TEXTS = [
    "",
    "  ",
    "\ufeff",
    "Hello {{name}}",
    "x <b>y</b>",
    "{{greeting}}, <b>x</b>",
    "<https://x.example/o/17> is the page of your order, {{name}}.",
    "<http://x.example> <p>",
    "<mailto:anna@example.com> writes",
    "<anna@example.com> wrote:",
    "<{{email}}> wrote:",
    "<3 you",
    "<<< news >>>",
    "<- back",
    "<-- see above",
    "<= 5",
    "< p>",
    "</p>",
    "<",
    "<!>",
    "<!important> read this",
    "<link> is the page of your order",
    "<time> is over",
    "<b> or <c>?",
    "<a> yes <b> no",
    "<name>, hello",
    "<sigh> <p>",
    "<order-17> is ready",
    "<p is not closed",
    "<br5>",
    "<?php echo 1 ?><p>",
    '<?xml version="1.0"?><note>x</note>',
    "{{a",
    "<em dash>",
    "<p hiddenly>",
    "<code {{code}}> is your code",
    "<time open> until eight",
    "&#128512; <3",
    "&amp;<p>",
]


@pytest.mark.parametrize("content", HTML_TEXTS)
def test_content_that_begins_with_html_is_html(content: str) -> None:
    assert guess_content_type(content).content_type is ContentType.HTML


@pytest.mark.parametrize("content", PLAIN_TEXTS)
def test_other_content_is_text(content: str) -> None:
    assert guess_content_type(content) == (ContentType.PLAIN, "it does not begin with a tag of HTML")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<!DOCTYPE html>", "it begins with <!DOCTYPE>"),
        ("<!-- x -->", "it begins with a comment of HTML"),
        ("<DIV>", "it begins with the tag <div>"),
    ],
)
def test_the_reason_names_the_begin_and_not_the_text(content: str, reason: str) -> None:
    assert guess_content_type(content).reason == reason


@pytest.mark.parametrize("content", ["<p>x", " \n<A>", "<!x", "<https://x.example>", "<!-- x"])
def test_the_first_rule_takes_a_letter_or_an_exclamation_mark_for_html(content: str) -> None:
    assert first_rule(content) is ContentType.HTML


@pytest.mark.parametrize("content", ["", "\ufeff<p>", "<?xml", "{{a}}<p>", "<3", "</p>", "x<p>"])
def test_the_first_rule_takes_all_else_for_text(content: str) -> None:
    assert first_rule(content) is ContentType.PLAIN


@pytest.mark.parametrize(
    "piece",
    [
        " ",
        "\ufeff",
        "{{",
        "{{a}}",
        "<?xml",
        "<?xml ?>",
        "&#1;",
        "<div {{",
        "<div hidden",
        "<a ",
        "<a =",
        "<b>",
        "</b",
        "\t/",
    ],
)
@pytest.mark.timeout(60)  # it takes less than a second
def test_hostile_content_is_judged_in_time_that_grows_with_its_length(piece: str) -> None:
    for begin in ("", "<b>", "<a"):
        guess_content_type(begin + piece * (900_000 // len(piece)))
