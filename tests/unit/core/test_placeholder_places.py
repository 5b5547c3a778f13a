"""Values of variables in the places of an e-mail and of a text: line breaks, attributes and parts of a URL."""

import re
from html import unescape
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.render import UnsafeLink, compile_html, compile_subject, compile_text, html_to_text

BAD = "a b&c=d#e"
"""Value that breaks a URL if it is not escaped for it."""


def in_html(source: str, value: str) -> str:
    return compile_html(source).render({"x": value}, {})


def in_text(source: str, value: str) -> str:
    return compile_text(source).render({"x": value}, {})


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\v", "\f", "\u2028", "\u2029", "\x85"])
def test_a_line_break_in_a_variable_is_a_line_break_in_html_and_in_its_text_part(line_break: str) -> None:
    html = in_html("<p>Dear {{x}}, hello</p>", f"Line 1 & 2{line_break}Line 3")
    assert html == "<p>Dear Line 1 &amp; 2<br>Line 3, hello</p>"
    assert html_to_text(html) == "Dear Line 1 & 2\nLine 3, hello"


def test_several_line_breaks_stay_apart() -> None:
    html = in_html("<td>{{x}}</td>", "one\n\ntwo\n")
    assert html == "<td>one<br><br>two<br></td>"
    assert html_to_text(html) == "one\n\ntwo"


@pytest.mark.parametrize(
    ("source", "rendered"),
    [
        ("<pre>{{x}}</pre>", "<pre>a\nb</pre>"),
        ("<PRE class=y>c <b>{{x}}</b></PRE>{{x}}", "<PRE class=y>c <b>a\nb</b></PRE>a<br>b"),
        ("<textarea>{{x}}</textarea>", "<textarea>a\nb</textarea>"),
        ("<title>{{x}}</title>", "<title>a\nb</title>"),
        ("<style>{{x}}</style>", "<style>a\nb</style>"),
        ("<script>{{x}}</script>", "<script>a\nb</script>"),
        ('<img alt="{{x}}">', '<img alt="a\nb">'),
        ("<img alt='{{x}}'>", "<img alt='a\nb'>"),
        ("<img alt={{x}}>", "<img alt=a&#10;b>"),
        ("<!-- {{x}} -->", "<!-- a\nb -->"),
        ("<!--[if mso]><p>{{x}}</p><![endif]-->", "<!--[if mso]><p>a<br>b</p><![endif]-->"),
        ("<p {{x}}>", "<p a\nb>"),
    ],
)
def test_a_line_break_becomes_a_tag_only_in_running_text(source: str, rendered: str) -> None:
    assert in_html(source, "a\nb") == rendered


def test_an_empty_value_without_quotes_does_not_take_the_next_attribute_for_its_value() -> None:
    assert in_html("<img alt={{x}} src=a.png>", "") == '<img alt="" src=a.png>'
    assert in_html("<td width={{x}}0 height=5>", "") == "<td width=0 height=5>"


def test_a_line_break_in_preformatted_text_stays_in_the_text_part() -> None:
    assert html_to_text(in_html("<pre>{{x}}</pre><p>c\nd</p>", "a\nb")) == "a\nb\n\nc d"


def test_a_line_break_stays_as_it_is_in_text() -> None:
    assert in_text("Dear {{x}}", "a\r\nb") == "Dear a\r\nb"


QUERY, PATH = "a%20b%26c%3Dd%23e", "a%20b%26c%3Dd%23e"


@pytest.mark.parametrize(
    ("url", "rendered"),
    [
        ("?q={{x}}", f"?q={QUERY}"),
        ("https://x.example/?a=1&amp;q={{x}}&amp;b=2", f"https://x.example/?a=1&amp;q={QUERY}&amp;b=2"),
        ("https://x.example/?{{x}}", f"https://x.example/?{QUERY}"),
        ("https://x.example/{{x}}", f"https://x.example/{PATH}"),
        ("https://x.example/o/{{x}}/edit?y={{x}}", f"https://x.example/o/{PATH}/edit?y={QUERY}"),
        ("https://x.example/#{{x}}", f"https://x.example/#{QUERY}"),
        ("https://{{x}}.example/", "https://a%20b&amp;c=d#e.example/"),
        ("mailto:{{x}}", f"mailto:{PATH}"),
        ("mailto:us@x.example?subject={{x}}", f"mailto:us@x.example?subject={QUERY}"),
        ("/{{x}}", f"/{PATH}"),
        ("page-{{x}}.html", f"page-{PATH}.html"),
    ],
)
@pytest.mark.parametrize("tag", ['<a href="{}">', "<a href='{}'>", "<a class=y HREF = {} id=z>", '<v:rect href="{}">'])
def test_a_variable_in_a_link_is_escaped_for_the_url(tag: str, url: str, rendered: str) -> None:
    assert in_html(tag.format(url), BAD) == tag.format(rendered)


@pytest.mark.parametrize("attribute", ["href", "src", "action", "formaction", "background", "cite", "poster"])
def test_every_attribute_with_a_url_is_a_link(attribute: str) -> None:
    assert in_html(f'<x y="/{{{{x}}}}" {attribute}="/{{{{x}}}}">', "b c") == f'<x y="/b c" {attribute}="/b%20c">'


@pytest.mark.parametrize(
    "source",
    [
        '<td style="background: url(https://x.example/?q={})">',
        '<img srcset="https://x.example/?q={} 2x">',
        '<meta http-equiv="refresh" content="0; url=https://x.example/?q={}">',
        "<div data-href=https://x.example/?q={}>",
    ],
)
def test_a_url_inside_of_another_attribute_is_a_link(source: str) -> None:
    assert in_html(source.format("{{x}}"), BAD) == source.format(QUERY)


def test_a_link_in_a_conditional_comment_is_a_link() -> None:
    source = '<!--[if mso]><v:roundrect href="https://x.example/?q={{x}}"><![endif]--><p>{{x}}</p>'
    assert f"?q={QUERY}" in in_html(source, BAD)


@pytest.mark.parametrize(
    "value",
    [
        "https://x.example/o/17?a=b&c=d%20e#f",
        "http://[2001:db8::1]:8080/",
        "https://münchen.example/straße?q=é",
        "mailto:anna+news@x.example",
        "tel:+436641234567",
        "/relative/path?a=b",
        "cid:logo@x.example",
        "data:image/png;base64,AAAA",
        "x.example/javascript:",
        "javascript.html",
        "data",
    ],
)
@pytest.mark.parametrize("source", ['<a href="{{x}}">', '<img src=" {{x}}">', "<a href={{x}}>"])
def test_a_variable_that_is_a_whole_url_stays_that_url(source: str, value: str) -> None:
    assert unescape(in_html(source, value)) == source.replace("{{x}}", value)


def test_a_variable_that_is_a_whole_url_is_made_safe_for_its_attribute() -> None:
    value = ' https://x.example/a b"><b>\n'
    assert in_html('<a href="{{x}}">', value) == '<a href="https://x.example/a%20b%22%3E%3Cb%3E">'


@pytest.mark.parametrize(
    ("source", "values", "url"),
    [
        ("{{x}}/o/{{y}}", ("https://x.example:80", "1/2?3"), "https://x.example:80/o/1/2%3F3"),
        ("{{x}}{{y}}", ("https://x.example", "/o?a=b&c"), "https://x.example/o?a=b&amp;c"),
        ("{{x}}://{{y}}/z", ("https", "x.example:80"), "https://x.example:80/z"),
        ("https://{{x}}/?q={{y}}", ("x.example/a?b=c", "d&e"), "https://x.example/a?b=c/?q=d%26e"),
        ("https://x.example{{x}}", ("/o/17?a=b&c",), "https://x.example/o/17?a=b&amp;c"),
        ("https://{{x}}.x.example{{y}}", ("a", ":80/o#p"), "https://a.x.example:80/o#p"),
        ("//{{x}}/{{y}}", ("x.example", "a b"), "//x.example/a%20b"),
        ("{{x}}?q={{y}}", ("https://x.example/?", "a&b"), "https://x.example/??q=a%26b"),
        ("{{x}}&amp;q={{y}}", ("https://x.example/?a", "a&b"), "https://x.example/?a&amp;q=a%26b"),
        ("tel:{{x}}", ("+436641234567",), "tel:+436641234567"),
        ("mailto:{{x}}", ("anna+news@x.example",), "mailto:anna+news@x.example"),
    ],
)
def test_each_part_of_a_url_is_escaped_for_its_place(source: str, values: tuple[str, ...], url: str) -> None:
    template = compile_html(f'<a href="{source}">')
    assert template.render(dict(zip("xy", values, strict=False)), {}) == f'<a href="{url}">'


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        " JavaScript:x",
        "java\nscript:x",
        "\x01javascript:x",
        "\u00a0javascript:x",
        "\x85\u3000\u2028javascript:x",
        "vbscript:x",
        " JavaScript",
        "data:text/html,x",
    ],
)
@pytest.mark.parametrize("source", ['<a href="{{x}}">', "<a href=' {{x}}/y'>", "<img src={{x}}>"])
def test_a_link_that_would_run_a_script_is_refused_by_the_name_of_its_variable(source: str, value: str) -> None:
    with pytest.raises(UnsafeLink) as refused:
        in_html(source, value)
    assert str(refused.value) == "unsafe link in variable: x"


@pytest.mark.parametrize(
    ("source", "rendered"),
    [
        ("See https://x.example/?q={{x}}.", f"See https://x.example/?q={QUERY}."),
        ("查看https://x.example/o/{{x}}。{{x}}", f"查看https://x.example/o/{PATH}。{BAD}"),
        ("(www.x.example/?a={{x}})", f"(www.x.example/?a={QUERY})"),
        ("{{y}}/verify?mail={{x}}", f"{BAD}/verify?mail={QUERY}"),
        ("https://x.example/o {{x}}", f"https://x.example/o {BAD}"),
        ('"https://x.example/"{{x}}', f'"https://x.example/"{BAD}'),
        ("{{x}} https://x.example/", f"{BAD} https://x.example/"),
        ("Really? {{x}} = {{x}}", f"Really? {BAD} = {BAD}"),
        ("https://münchen.example/o/{{x}} {{x}}", f"https://münchen.example/o/{PATH} {BAD}"),
        ("https://例え.jp/o/{{x}}。{{x}}", f"https://例え.jp/o/{PATH}。{BAD}"),
        ("https://x.example/straße/{{x}}?ü={{x}}", f"https://x.example/straße/{PATH}?ü={QUERY}"),
        ("https://сайт.example/заказ/{{x}}", f"https://сайт.example/заказ/{PATH}"),
        ("请看https://x.example谢谢{{x}}", f"请看https://x.example谢谢{BAD}"),
        ("详情https://x.example/o/1,{{x}}您好", f"详情https://x.example/o/1,{BAD}您好"),
        ("www.x.example;{{x}}, awww.{{x}}", f"www.x.example;{BAD}, awww.{BAD}"),
        ("https://x.example/?q={{x}}!{{x}}", f"https://x.example/?q={QUERY}!{BAD}"),
        ("12/{{x}} a:{{x}} a@{{x}} #{{x}}", f"12/{BAD} a:{BAD} a@{BAD} #{BAD}"),
        ("{{x}}", BAD),
    ],
)
def test_a_variable_in_a_url_of_plain_text_is_escaped_and_others_are_not(source: str, rendered: str) -> None:
    template = compile_text(source)
    assert template.render({"x": BAD, "y": BAD}, {}) == rendered


def test_a_url_in_the_text_of_html_reads_as_in_its_link() -> None:
    url = "https://x.example/?q={{x}}"
    assert html_to_text(in_html(f'<a href="{url}">{url}</a>', BAD)) == f"https://x.example/?q={QUERY}"
    assert in_html("<pre>https://{{x}}</pre>", "x.example/?a&b") == "<pre>https://x.example/?a&amp;b</pre>"


def test_a_subject_is_not_a_link() -> None:
    assert compile_subject("See https://x.example/?q={{x}}").render({"x": BAD}, {}).endswith(BAD)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_server_reads_the_value_of_a_parameter_as_it_was_given(value: str) -> None:
    html = in_html('<a href="https://x.example/o/{{x}}/y?q={{x}}&amp;r=1#{{x}}">', value)
    url = urlsplit(unescape(html.removeprefix('<a href="').removesuffix('">')))
    assert unquote(url.path) == f"/o/{value}/y"
    assert parse_qs(url.query, keep_blank_values=True) == {"q": [value], "r": ["1"]}
    assert unquote(url.fragment) == value


SIGNS = [
    "<a href=",
    '"',
    "'",
    ">",
    "<",
    "{{x}}",
    " ",
    "?",
    "/",
    "https://",
    "<!--",
    "-->",
    "<!--[if mso]>",
    "=",
    "\ufdd0",
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(SIGNS), max_size=20).map("".join), st.text("<>\"'&=\n a", min_size=1, max_size=8))
def test_no_value_leaves_its_place_however_broken_the_html_is(source: str, value: str) -> None:
    parts = source.split("{{x}}")
    rendered = in_html(source, value)
    inserted = re.fullmatch("(.*)".join(map(re.escape, parts)), rendered, re.DOTALL)
    assert inserted is not None
    assert rendered.replace("<br>", "").count("<") == source.count("<")
    assert rendered.replace("<br>", "").count(">") == source.count(">")
    assert (rendered.count('"'), rendered.count("'")) == (source.count('"'), source.count("'"))


@pytest.mark.parametrize(
    "piece",
    [
        "{{x}}",
        "{{x}}a",
        "//{{x}}a",
        "a://{{x}}",
        "a",
        "a:",
        "?a=",
        "<a href='{{x}}'>",
        "<a ",
        "<!--[if ",
        "<!--[if a]>",
        "<pre>",
        "a=b ",
        "ü",
        "ü.",
        "://ü",
        ",{{x}}",
    ],
)
@pytest.mark.timeout(60)  # it takes less than a second
def test_hostile_text_is_compiled_in_time_that_grows_with_its_length(piece: str) -> None:
    for begin in ("{{x}}", '<a href="', "<a href=", "https://", "<"):
        source = begin + piece * (100_000 // len(piece)) + "{{x}}"
        compile_html(source)
        compile_text(source)
