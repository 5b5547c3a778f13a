"""Every regular expression of the product takes linear time: four times the text, about four times the time."""

import ast
import importlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.style.product import SOURCES, Source, functions
from tests.support.hostile_texts import MAX_GROWTH, Cost, growth_of, hostile_families

SIZE = 700
"""Length of the short texts in characters. Quadratic time for four times as many is far above the clock's grain."""

Use = tuple[str, str]
"""File, and the function in it."""

OTHERS: dict[Use, str] = {
    ("core/addresses/email.py", ""): "runs once, over every character, when the module is imported",
    ("core/addresses/mailbox.py", "split_mailbox"): r"\\(.)",
    ("core/addresses/phone_patterns.py", "__missing__"): "made of the library's patterns for numbers of 17 digits",
    ("core/addresses/phone_patterns.py", "_international"): "made of the library's patterns for numbers of 17 digits",
    ("core/addresses/phone_patterns.py", "_without_prefix_change"): "runs over the empty text",
    ("core/addresses/phone_patterns.py", "dials_001"): "runs over four digits",
    ("core/content_type.py", "_goes_on"): r"</name\s*+>",
    ("core/render_html.py", "_end_of"): r"(?i)</name\b",
    ("core/render_html.py", "end_link"): r"(?i)\A(?:mailto|tel):",
    ("schemas/timestamps.py", "_offset_problem"): r" [0-9]{2}:?[0-9]{2}",
    ("providers/config_file.py", "read_tables"): "runs over a message of the TOML parser",
    ("providers/list_unsubscribe.py", "_compile"): "runs over a setting of the operator",
    ("providers/list_unsubscribe.py", "parse_list_unsubscribe"): "runs over a setting of the operator",
    ("providers/mail_headers.py", "mailbox_words"): r"[\\\"]",
    ("providers/message_ids.py", "_forms_of"): r"[-:.^]",
    ("providers/message_ids.py", "_has_known_shape"): r"[-:.^]",
    ("providers/vendors/mailgun.py", ""): "match the beginning of an answer of the vendor, of 64 KiB at most",
    ("cli/admin/doctor.py", "_check_ledger"): "runs over a message of our own",
    ("cli/recipients_file/layout.py", "_find_format"): r"\{\s*[\r\n]",
}
"""Uses of `re` that give no pattern to a module. The value is the expression, or the reason why no caller sizes it."""


class Pattern(NamedTuple):
    """A pattern of a module, and how the product uses it."""

    compiled: re.Pattern[Any]
    way: str

    @property
    def cost(self) -> Cost:
        """Return the function that runs the pattern over a text. All texts are read to their end."""
        one = self.compiled

        def run(text: str) -> object:
            value: Any = text if isinstance(one.pattern, str) else text.encode("latin-1", "replace")
            return sum(1 for _ in one.finditer(value)) if self.way == "search" else getattr(one, self.way)(value)

        return run


def worst_growth(pattern: Pattern) -> tuple[float, tuple[str, str, str]]:
    """Return the largest growth and its family. A growth beyond the limit is measured twice more."""
    worst = 0.0, ("", "", "")
    for family in hostile_families(pattern.compiled.pattern, pattern.compiled.flags):
        growth = growth_of(pattern.cost, family, SIZE)
        if growth > MAX_GROWTH:
            growth = min(growth, *(growth_of(pattern.cost, family, SIZE) for _ in range(2)))
        worst = max(worst, (growth, family))
        if growth > MAX_GROWTH:
            break
    return worst


def patterns() -> dict[str, Pattern]:
    """Return the patterns of all modules by place and way. A pattern that is imported elsewhere counts once."""
    found: dict[str, Pattern] = {}
    names: dict[int, str] = {}
    ways: dict[str, set[str]] = {}
    for source in SOURCES:
        module = module_of(source)
        own = {name: value for name, value in vars(module).items() if isinstance(value, re.Pattern)}
        for name, value in own.items():
            names.setdefault(id(value), f"{source.path}::{name}")
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in own:
                ways.setdefault(names[id(own[node.value.id])], set()).add(way_of(node.attr))
        for value in own.values():
            found[names[id(value)]] = Pattern(value, "")
    return {
        f"{place} {way}": Pattern(pattern.compiled, way)
        for place, pattern in found.items()
        for way in sorted(ways.get(place, {"match"}) - {""})
    }


def module_of(source: Source) -> Any:
    return importlib.import_module(source.path.removesuffix(".py").replace("/", ".").removesuffix(".__init__"))


def way_of(attribute: str) -> str:
    if attribute in {"pattern", "flags", "groups"}:
        return ""
    return attribute if attribute in {"match", "fullmatch"} else "search"


PATTERNS = patterns()


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_takes_linear_time(name: str) -> None:
    growth, family = worst_growth(PATTERNS[name])

    assert growth <= MAX_GROWTH, family


@pytest.mark.parametrize(
    ("expression", "way"),
    [
        (r"""\s*([a-z-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s",;]+))?\s*(;[^,]*)?$""", "match"),
        (r"\s+$", "search"),
        (r"<!--.*?-->", "search"),
        (r"[0-9]+\.[0-9]+", "search"),
        (r"([^;]*),([^;]*);x", "match"),
        (r"[^@]+@[^.]+\.", "search"),
        (r"""\"(?:[^"\\]++|\\.)*+(?:"|\Z)""", "search"),
    ],
)
def test_an_expression_that_tries_again_is_found(expression: str, way: str) -> None:
    cost = Pattern(re.compile(expression), way).cost
    assert any(growth_of(cost, family, SIZE) > MAX_GROWTH for family in hostile_families(expression, 0))


def test_each_other_use_of_an_expression_is_listed_with_its_reason() -> None:
    assert set(other_uses()) <= OTHERS.keys()
    expressions = [text for text in OTHERS.values() if re.search(r"[\\\[(]", text)]
    for expression in expressions:
        growth, family = worst_growth(Pattern(re.compile(expression), "search"))
        assert growth <= MAX_GROWTH, (expression, family)


def other_uses() -> Iterator[Use]:
    """Yield the calls of `re` that are no pattern of a module: those in functions, and those at once."""
    for source in SOURCES:
        owners = {id(node): function.name for function in functions(source) for node in ast.walk(function)}
        named = {id(node.value) for node in source.tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))}
        for node in ast.walk(source.tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=way)) if (
                    id(node) not in named and way != "escape"
                ):
                    yield source.path, owners.get(id(node), "")


def test_patterns_of_models_run_in_an_engine_that_never_tries_again() -> None:
    # pydantic's own engine is that of Rust, whose time is linear for every expression.
    assert not [source.path for source in SOURCES if "regex_engine" in source.text or "import regex" in source.text]
