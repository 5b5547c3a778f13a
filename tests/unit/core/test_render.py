"""Templates: the inserted values, the refused sources, and values that are never read as a template."""

import time
from collections.abc import Callable
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.render import (
    MAX_RENDERED,
    HeaderInjection,
    MissingVariable,
    Template,
    TemplateError,
    TextTooLong,
    compile_html,
    compile_subject,
    compile_text,
)

Compiler = Callable[[str], Template]

COMPILERS: list[Compiler] = [compile_text, compile_html, compile_subject]
NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
VALUES = st.text(max_size=20)
HARMLESS = st.text(st.characters(exclude_categories=["Cc", "Zl", "Zp", "Cs"]), max_size=20)
MAPPINGS = st.dictionaries(NAMES, VALUES, max_size=5)


def literal(text: str) -> str:
    """Return a source that renders as this text."""
    return text.replace("{{", "{{{{")


def refused_at(source: str) -> int | None:
    try:
        compile_text(source)
    except TemplateError as error:
        return error.position
    return None


def test_a_placeholder_is_replaced_by_the_value() -> None:
    assert compile_text("您的验证码是{{code}}").render({"code": "123456"}, {}) == "您的验证码是123456"


def test_the_value_of_the_recipient_wins_over_that_of_the_request() -> None:
    template = compile_text("{{a}}{{b}}{{a}}")
    assert template.render({"a": "1"}, {"a": "2", "b": "3"}) == "131"


def test_an_empty_value_is_a_value() -> None:
    assert compile_text("[{{a}}]").render({"a": ""}, {"a": "default"}) == "[]"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{{{", "{{"),
        ("{{{{a}}", "{{a}}"),
        ("{{{{{{a}}}}", "{{x}}"),
        ("{{{{{", "{{{"),
        ("{{{{{{{{", "{{{{"),
        ("{", "{"),
        ("{a}", "{a}"),
        ("}}", "}}"),
        ("{ {a}}", "{ {a}}"),
        ("{{a}}}", "x}"),
        ("", ""),
    ],
)
def test_doubled_braces_are_literal_ones(source: str, text: str) -> None:
    assert compile_text(source).render({"a": "x"}, {}) == text


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize(
    "malformed",
    [
        "{{",
        "{{}}",
        "{{ }}",
        "{{a",
        "{{a}",
        "{{a} }",
        "{{{a}}}",
        "{{a|upper}}",
        "{{#a}}",
        "{{-a}}",
    ],
)
def test_a_malformed_placeholder_is_refused_by_its_position_and_not_repeated(
    compiler: Compiler, malformed: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        compiler("secret {{ok}} " + malformed)
    assert caught.value.position == 14
    assert str(caught.value).startswith("malformed placeholder at position 14. ")
    assert "secret" not in str(caught.value)


def test_a_variable_that_neither_has_is_named() -> None:
    template = compile_text("{{b}}{{a}}{{c}}")
    with pytest.raises(MissingVariable) as caught:
        template.render({"a": "secret"}, {})
    assert caught.value.name == "b"
    assert str(caught.value) == "missing variable: b"


@pytest.mark.parametrize(("compiler", "value"), [(compile_text, "x" * 1_000), (compile_html, "&" * 200)])
def test_a_text_with_too_long_values_is_refused_by_the_name_of_the_variable(compiler: Compiler, value: str) -> None:
    template = compiler("Hello {{big}}{{big}}")
    length = len(template.render({"big": value}, {}))

    assert len(template.render({"big": value}, {}, length)) == length
    with pytest.raises(TextTooLong, match="big") as refused:
        template.render({"big": value}, {}, length - 1)
    assert value not in str(refused.value)


def test_no_text_is_longer_than_the_longest_content() -> None:
    template = compile_text("{{big}}" * 1_000)
    assert len(template.render({"big": "x" * (MAX_RENDERED // 1_000)}, {})) <= MAX_RENDERED
    with pytest.raises(TextTooLong):
        template.render({"big": "x" * (MAX_RENDERED // 1_000 + 1)}, {})


def test_a_template_without_variables_is_its_own_text() -> None:
    text = "nothing to put in"
    assert compile_text(text).render({}, {}) is compile_text(text).render({}, {})


@pytest.mark.parametrize("compiler", COMPILERS)
def test_its_repr_shows_names_and_no_text(compiler: Compiler) -> None:
    assert repr(compiler("secret {{a}} text")) == "Template(names=frozenset({'a'}))"


def test_values_are_escaped_in_html() -> None:
    template = compile_html('<p title="{{a}}">{{a}}</p>')
    assert template.render({"a": "\"<b>'&"}, {}) == (
        '<p title="&quot;&lt;b&gt;&#x27;&amp;">&quot;&lt;b&gt;&#x27;&amp;</p>'
    )


@pytest.mark.parametrize("control", ["\r", "\n", "\r\n", "\0", "\t", "\x7f", "\x85", "\u2028"])
def test_a_control_character_never_gets_into_a_subject(control: str) -> None:
    with pytest.raises(HeaderInjection) as caught:
        compile_subject("Order {{a}}").render({"a": f"secret{control}Bcc: bob@example.com"}, {})
    assert str(caught.value) == "control character in variable: a"
    with pytest.raises(HeaderInjection):
        compile_subject("Order {{a}}").render({}, {"a": control})
    with pytest.raises(TemplateError) as refused:
        compile_subject(f"Order{control}Bcc: bob@example.com")
    assert str(refused.value) == "control character at position 5"


@settings(deadline=None)
@given(st.text())
def test_literal_text_comes_back_as_it_was(text: str) -> None:
    assert compile_text(literal(text)).render({}, {}) == text
    assert compile_html(literal(text)).render({}, {}) == text


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(st.characters(exclude_characters="{"), max_size=8), NAMES)), MAPPINGS, MAPPINGS)
def test_each_name_has_the_value_of_the_recipient_or_the_request_or_is_missing(
    pieces: list[tuple[str, str]], variables: dict[str, str], defaults: dict[str, str]
) -> None:
    template = compile_text("".join(f"{text}{{{{{name}}}}}" for text, name in pieces))
    names = {name for _, name in pieces}
    both = defaults | variables
    assert template.names == names
    if names <= both.keys():
        assert template.render(variables, defaults) == "".join(text + both[name] for text, name in pieces)
    else:
        with pytest.raises(MissingVariable) as caught:
            template.render(variables, defaults)
        assert caught.value.name in names - both.keys()


@settings(deadline=None)
@given(st.text("{}ab ", max_size=20))
def test_a_value_is_never_read_as_a_template(value: str) -> None:
    assert compile_text("<{{a}}>").render({"a": value}, {"b": "expanded"}) == f"<{value}>"
    assert compile_html("<{{a}}>").render({"a": value}, {"b": "expanded"}) == f"<{value}>"
    assert compile_subject("<{{a}}>").render({"a": value}, {"b": "expanded"}) == f"<{value}>"


@settings(deadline=None)
@given(VALUES)
def test_an_escaped_value_holds_no_markup_and_reads_back(value: str) -> None:
    rendered = compile_html("{{a}}").render({"a": value}, {}).replace("<br>", "\n")
    assert not set(rendered) & set("<>\"'")
    assert unescape(rendered) == unescape(unescape(rendered)) or "&" in value
    assert "\n".join(value.splitlines()) == "\n".join(unescape(rendered).splitlines())


@settings(deadline=None)
@given(HARMLESS)
def test_a_harmless_value_is_unchanged_in_a_subject(value: str) -> None:
    assert compile_subject("{{a}}!").render({"a": value}, {}) == f"{value}!"


@settings(deadline=None)
@given(st.text("{}a1_ -\u00e9"))
def test_any_source_is_a_template_or_is_refused_at_a_brace(source: str) -> None:
    position = refused_at(source)
    if position is not None:
        assert source.startswith("{{", position)
    else:
        template = compile_text(source)
        assert len(template.render(dict.fromkeys(template.names, ""), {})) <= len(source)


def test_many_names_in_another_spelling_are_found_in_linear_time() -> None:
    def seconds(size: int) -> float:
        template = compile_text("".join(f"{{{{Vor name {number}}}}}" for number in range(size)))
        variables = {f"Vor\u00a0name {number}": "x" for number in range(size)}
        began = time.thread_time()
        assert template.render(variables, {}) == "x" * size
        return time.thread_time() - began

    assert min(seconds(20_000) for _ in range(2)) < 8 * min(
        seconds(5_000) for _ in range(2)
    )  # none fits the cache of names
