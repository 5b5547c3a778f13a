"""The text part is made from the template once, and says what the filled-in HTML says."""

import time

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from core.render import RenderError, Template, compile_html, html_to_text
from core.text_part import TextPart

PIECES = [
    *("x", " ", "\n", "&amp;", "&nbsp;", "a < b", "é", "{{{{"),
    *("{{a}}", "{{b}}", "{{a}}{{b}}", "https://x.example/{{a}}", "www.x.example/?q={{b}}&r={{a}}"),
    *("<p>", "</p>", "<br>", "<div>", "</div>", "<li>", "</li>", "<td>", "<pre>", "</pre>", "<textarea>", "<b>"),
    *("<a href='{{a}}'>", '<a href="https://x.example/{{b}}?q={{a}}">', "<a href={{a}}>", "<a href='mailto:{{b}}'>"),
    *("<a href='https://x.example'>", "<a href='#'>", "<a href='{{a}}' href='/x'>", "<a>", "</a>"),
    *("<img alt='{{a}} of {{b}}'>", "<img alt={{a}}>", "<img alt='logo'>", "<img src='{{a}}' alt=' '>"),
    *("<title>{{b}}</title>", "<script>{{a}}</script>", "<!-- {{a}} -->", "<!--[if mso]>{{a}}<![endif]-->"),
]
VALUES = st.text("xyé &<>\"'\n\r\t\u2028\u00a0/:?#.=%", max_size=12) | st.sampled_from(
    ["https://x.example/?q=1&r=2", "mailto:a@x.example", "javascript:x()", "#", "x", "logo", "https://x.example"]
)


def part_of(template: Template) -> TextPart:
    assert template.text_part is not None
    return template.text_part


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), VALUES, VALUES)
@example("<div>a</div><div>{{a}}</div><div>b</div>", "", "")
@example("<p>a</p><br>{{a}}<br><p>b</p>", "\n", "")
@example("<a href='{{a}}'>{{a}}</a>", "https://x.example", "")
@example("<a href='{{a}}'><img alt='{{b}}'></a>", "https://x.example", "")
@example("<p>Dear {{a}} {{b}},</p>", "", "Wei")
@example("<pre>{{a}}</pre>", "1\n2\v3", "")
@example("{{a}}", "1\n2\v3", "")
def test_it_says_what_the_html_says_for_each_place_and_each_value(source: str, a: str, b: str) -> None:
    template = compile_html(source)
    values = {"a": a, "b": b}
    try:
        html = template.render(values, {})
    except RenderError:
        assume(False)

    assert part_of(template).render(values, {}) == html_to_text(html)


def test_it_is_the_same_for_the_next_recipient() -> None:
    part = part_of(compile_html("<p>Hi {{name}},<br>see <a href='/{{id}}'>{{name}}</a></p>"))

    texts = [part.render({"name": name}, {"id": "7"}) for name in ("Wei", "", "Wei")]

    assert texts == ["Hi Wei,\nsee Wei (/7)", "Hi ,\nsee /7", "Hi Wei,\nsee Wei (/7)"]


def test_a_value_is_found_in_every_spelling_of_its_name() -> None:
    part = part_of(compile_html("<p>{{First Name}}"))

    assert part.render({"First\u00a0Name": "Wei"}, {}) == "Wei"


def test_html_is_read_once_and_not_once_a_recipient() -> None:
    source = "{{a}}" + "<a href='http://x/'>y</a>" * 4_000 + "<p>{{a}}</p>"

    def seconds(recipients: int) -> float:
        part = part_of(compile_html(source))
        began = time.thread_time()
        for _ in range(recipients):
            part.render({"a": "x"}, {})
        return time.thread_time() - began

    assert min(seconds(50) for _ in range(2)) < 5 * min(seconds(1) for _ in range(2))


def test_a_long_value_is_converted_once_and_not_for_each_placeholder() -> None:
    """Blanks around an address leave no character, so that no length of the text bounds their number."""
    values = {"a": " " * 262_144}

    def seconds(placeholders: int) -> float:
        template = compile_html("<a href='{{a}}'>x</a>" * placeholders)
        part = part_of(template)
        part.render({"a": "x"}, {})  # compiles it
        began = time.thread_time()
        template.render(values, {})
        part.render(values, {})
        return time.thread_time() - began

    assert min(seconds(80) for _ in range(3)) < 4 * max(min(seconds(10) for _ in range(3)), 0.001)
