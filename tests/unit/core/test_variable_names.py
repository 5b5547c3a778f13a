"""Names of variables: what they are made of, and the spellings that count as one."""

import re
import tracemalloc
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.render import MissingVariable, TemplateError, compile_html, compile_text
from core.variable_names import MAX_NAME, NAME_RULE, Variables, names_in, normalise_name, read_name
from schemas.bulk_body import TEMPLATE

NAMES = [
    "name",
    "First Name",
    "姓名",
    "prénom",
    "नाम",
    "\u0627\u0633\u0645",
    "ชื่อ",
    "2fa",
    "1",
    "order.id",
    "first-name",
    "_x",
    "Straße Nr. 2",
    "Preis €",
    "\u0646\u0627\u0645\u200c\u062e",
    "\U0001f600",
    "x" * MAX_NAME,
]
NO_NAMES = [
    "",
    " ",
    "\t",
    "-a",
    ".a",
    "#if vip",
    "/if",
    "^a",
    ">a",
    "a|upper",
    "a,b",
    "a'b",
    "a?",
    "a(b)",
    "a@b",
    "a/b",
]
NO_NAMES += ["a\x00b", "\u200b", "&lt;", "<b>a</b>", "a&b", "x" * (MAX_NAME + 1), "a\x0bb", "a\x85b"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_has_letters_and_digits_of_any_script_and_spaces_inside(name: str) -> None:
    for source in (f"{{{{{name}}}}}", f"{{{{ {name}\t}}}}", f"<p>{{{{\u00a0{name}&nbsp;}}}}</p>"):
        assert "".join(compile_text(source).names) == unicodedata.normalize("NFC", name)
    assert compile_html(f"<p>{{{{{name}}}}}</p>").render({name: "x"}, {}) == "<p>x</p>"
    assert re.fullmatch(TEMPLATE, f"a {{{{{name}}}}} {{{{&nbsp;{name}}}}}")


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_name_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(TemplateError) as refused:
        compile_text(f"ab {{{{{name}}}}}")
    assert str(refused.value).startswith("malformed placeholder at position 3. ")
    assert NAME_RULE in str(refused.value)
    if len(name) <= MAX_NAME:
        assert not re.fullmatch(TEMPLATE, f"ab {{{{{name}}}}}")


@pytest.mark.parametrize(
    "source", ["{{#if vip}}x{{/if}}", "{{/if}}", "{{^vip}}", "{{> part}}", "{{name|upper}}", "{{!a}}"]
)
def test_a_condition_or_filter_is_refused_in_words(source: str) -> None:
    with pytest.raises(TemplateError, match=r"position 0\. Conditions, loops and filters are not supported"):
        compile_text(source)


@pytest.mark.parametrize(
    "spelling",
    [
        "First Name",
        " First  Name ",
        "First\u00a0Name",
        "First\tName",
        "First\r\nName",
        "\ufeffFirst Name",
        "First\u202fName",
    ],
)
def test_spellings_that_look_the_same_are_one_name(spelling: str) -> None:
    assert normalise_name(spelling) == "First Name"
    assert compile_text("{{First Name}}").render({spelling: "Anna"}, {}) == "Anna"
    assert compile_text(f"{{{{{spelling}}}}}").render({"First Name": "Anna"}, {}) == "Anna"
    assert names_in({spelling: "Anna"}) == {"First Name"}


def test_composed_and_decomposed_letters_are_one_name() -> None:
    decomposed = unicodedata.normalize("NFD", "prénom")
    assert compile_text("{{prénom}}").render({decomposed: "Zoé"}, {}) == "Zoé"
    assert compile_text(f"{{{{{decomposed}}}}}").render({"prénom": "Zoé"}, {}) == "Zoé"


def test_editors_may_write_letters_and_spaces_as_entities() -> None:
    assert read_name("&nbsp;pr&eacute;nom&#160;") == "prénom"
    assert read_name("First&nbsp;Name") == "First Name"


def test_the_recipient_goes_first_in_whatever_spelling() -> None:
    template = compile_text("{{First Name}}")
    assert template.render({"First  Name": "own"}, {"First Name": "of all"}) == "own"
    assert template.render({"other": "x"}, {"First\tName": "of all"}) == "of all"
    with pytest.raises(MissingVariable):
        template.render({"first name": "x"}, {"FirstName": "y"})


def test_a_plain_name_has_one_spelling() -> None:
    assert (Variables({" name": "x"}).get("name"), names_in({" name": "x"})) == (None, set())
    assert names_in({"a": "x", "Order #": "y"}) == {"a"}


@settings(deadline=None)
@given(st.text(max_size=6))
def test_a_normal_name_is_normal_and_agrees_with_the_schema(text: str) -> None:
    name = normalise_name(text)
    if name is not None:
        assert normalise_name(name) == name
    is_other = "{" in text or "&" in text or text.endswith("}")  # `{{a}}}` is a placeholder and a brace
    assert is_other or bool(re.fullmatch(TEMPLATE, f"{{{{{text}}}}}")) == (read_name(text) is not None)


@pytest.mark.parametrize("piece", ["{{", "{{a", "a ", "{{a ", "&nbsp;", "\u00a0", "é", "{{a}}", "}}", "{"])
@pytest.mark.timeout(60)  # it takes less than a second
def test_a_hostile_name_is_read_in_time_that_grows_with_its_length(piece: str) -> None:
    for begin in ("", "{{", "{{a"):
        source = begin + piece * (200_000 // len(piece))
        re.search(TEMPLATE, source)
        with suppress(TemplateError):
            compile_text(source)


def test_a_long_name_is_not_remembered() -> None:
    tracemalloc.start()
    try:
        for number in range(200):
            assert normalise_name(f"{number}" + "x" * 20_000) is None
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 100_000


def test_blanks_around_a_name_do_not_make_it_too_long() -> None:
    assert normalise_name(" " * 300 + "name") == "name"
