"""Text part of an HTML e-mail."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.render import compile_html, compile_text, html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello   <b>Alice</b>,\n how are you?</p>", "Hello Alice, how are you?"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<div><div>one</div></div>\n<div> two </div>", "one\ntwo"),
        ("one<br>two<br/>three<BR />four", "one\ntwo\nthree\nfour"),
        ("one<br><br><br><br>two", "one\n\ntwo"),
        ("<h1>Title</h1>text", "Title\n\ntext"),
        ("<ul><li>one</li><li>two</li></ul>end", "- one\n- two\n\nend"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("x<sup>2</sup> a<b>b</b>c", "x2 abc"),
        ("1 &lt; 2 &amp;&amp; 3&nbsp;&gt;&#32;2", "1 < 2 && 3 > 2"),
        ("&lt;b&gt;not bold&lt;/b&gt;", "<b>not bold</b>"),
        ('<img src="x.png" alt="A &quot;logo&quot;"> <img src=x>', 'A "logo"'),
        ("1 < 2 and 3 <= 4", "1 < 2 and 3 <= 4"),
        ("plain text", "plain text"),
        ("", ""),
    ],
)
def test_blocks_become_lines_and_the_rest_flows(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            'see <a href="https://example.com/?a=1&amp;b=2">this page</a>.',
            "see this page (https://example.com/?a=1&b=2).",
        ),
        ("<a class=x HREF='https://example.com'>a <b>b</b> </a> c", "a b (https://example.com) c"),
        ("<a href=https://example.com>https://example.com</a>", "https://example.com"),
        ('<a href="mailto:help@example.com">help@example.com</a>', "help@example.com"),
        ('<a href="mailto:help@example.com">Help</a>', "Help (help@example.com)"),
        ('<a href="https://example.com"><img src="x"></a>', "https://example.com"),
        ('<a href="https://example.com"><img src="x" alt="Shop"></a>', "Shop (https://example.com)"),
        ('<a href="#top">up</a> <a name="x">anchor</a> <a href="JavaScript:x()">run</a>', "up anchor run"),
        ('<a data-href="https://no.example" href="https://example.com">x</a>', "x (https://example.com)"),
        ('<a title="a > b" href="https://example.com">x</a>', "x (https://example.com)"),
        ('<a href="https://a.example">a<a href="https://b.example">b', "a (https://a.example)b (https://b.example)"),
        ('<a href="{{ link }}">{{ name }}</a>', "{{ name }} ({{link}})"),
    ],
)
def test_a_link_keeps_its_address(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    "html",
    [
        "a<script>if (1 < 2) document.write('<p>x</p>')</script>b",
        "a<STYLE type='x'>p > b { color: red }</Style >b",
        "<head><title>x</title></head>ab",
        "a<!-- x <p> y > z -->b",
        "a<!--[if mso]><p>x</p><![endif]-->b",
        "a<![if !mso]>b<![endif]>",
        "a<!-->b",
        "a<?xml version='1'?>b",
        "ab<script>x",
        "ab<!-- x",
        "ab<p class='x",
        "ab</",
    ],
)
def test_hidden_elements_are_dropped(html: str) -> None:
    assert html_to_text(html) == "ab"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://x.example/?a=1&region=DE&copy=2&lt=3", "https://x.example/?a=1&region=DE&copy=2&lt=3"),
        ("https://x.example/?a=1&amp;region=DE&#38;b=2&#x26;c=3", "https://x.example/?a=1&region=DE&b=2&c=3"),
        ("https://x.example/?a=1&notit;=2", "https://x.example/?a=1&notit;=2"),
    ],
)
def test_a_parameter_of_a_link_is_not_taken_for_a_character(url: str, shown: str) -> None:
    assert html_to_text(f'<a href="{url}">x</a>') == f"x ({shown})"


SIGNS = [
    "<",
    ">",
    "</",
    "/>",
    "<!--",
    "-->",
    "<![",
    "]]>",
    "<!",
    "<?",
    '"',
    "'",
    "=",
    "&",
    "&lt;",
    "&#",
    ";",
    " ",
    "\n",
]
WORDS_OF_HTML = ["a", "p", "br", "li", "href", "img alt", "script", "style", "title", "{{x}}", "\u5f20", "\0"]
MARKUP = st.lists(st.sampled_from(SIGNS + WORDS_OF_HTML), max_size=30).map("".join)


@settings(deadline=None)
@given(MARKUP | st.text(max_size=50))
@example("<![foo")
@example("<!DOCTYPE [<!ENTITY")
def test_no_input_is_too_broken(html: str) -> None:
    text = html_to_text(html)
    assert text == text.strip()
    assert "\n\n\n" not in text


WORDS = st.lists(st.text("abc<>&\"'{}\u5f20", min_size=1, max_size=8), min_size=1, max_size=4).map(" ".join)


@settings(deadline=None)
@given(WORDS, WORDS)
def test_the_text_part_may_be_built_before_or_after_rendering(name: str, code: str) -> None:
    source = '<h1>Dear {{ name }}</h1><p>Code: <b>{{code}}</b>, <a href="https://example.com/{{id}}">here</a></p>'
    variables = {"name": name, "code": code, "id": "7"}
    before = compile_text(html_to_text(source)).render(variables, {})
    after = html_to_text(compile_html(source).render(variables, {}))
    assert before == after == f"Dear {name}\n\nCode: {code}, here (https://example.com/7)"


@pytest.mark.parametrize(
    "piece",
    [
        "<a ",
        "<a b='",
        '<a b="',
        "<!--",
        "<![if ",
        "</a",
        "<",
        "&",
        "<a x",
        "<script>",
        "</script",
        "<a a='\">",
        "<a>x",
        " ",
    ],
)
@pytest.mark.timeout(120)  # it takes less than a second; what grows with the square takes an hour
def test_hostile_html_is_read_in_time_that_grows_with_its_length(piece: str) -> None:
    size = 900_000
    assert len(html_to_text(piece * (size // len(piece)))) <= size
    assert len(html_to_text("<a" + piece[-1] * size)) <= size
