"""Agreement of the JSON Schema of a bulk body with the checks of the service."""

import itertools
import re

import pytest

from core.addresses.control_characters import has_control
from core.render import TemplateError, compile_text
from schemas.bulk_body import ONE_LINE, TEMPLATE


def is_template(source: str) -> bool:
    try:
        compile_text(source)
    except TemplateError:
        return False
    return True


def test_the_pattern_of_templates_knows_what_is_compiled() -> None:
    sources = ["".join(parts) for length in range(7) for parts in itertools.product("{} a7\n", repeat=length)]
    assert [bool(re.fullmatch(TEMPLATE, source)) for source in sources] == [is_template(source) for source in sources]


@pytest.mark.parametrize("source", ["{{ a.b-c }}", "{{a}", "{{{{{{a}}", "{{{a}}}", "Total: {{ sum }} {", "{{a\n}}"])
def test_the_pattern_of_templates_knows_longer_ones(source: str) -> None:
    assert bool(re.fullmatch(TEMPLATE, source)) is is_template(source)


def test_the_pattern_of_a_line_knows_control_characters() -> None:
    for code in [*range(0x300), 0x2027, 0x2028, 0x2029, 0x202A, 0xFFFF, 0x10FFFF]:
        assert bool(re.fullmatch(ONE_LINE, chr(code))) is not has_control(chr(code))
