"""docs/walkthrough.md leads through files that exist, seven files at most."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
WALK = (ROOT / "docs" / "walkthrough.md").read_text("utf-8")
SECTIONS = re.findall(r"^## \d\. (\S+\.py): .*\n((?:(?!## ).*\n)*)", WALK, re.MULTILINE)


def test_it_is_a_walk_of_at_most_seven_files() -> None:
    named = set(re.findall(r"[\w/]+\.py", WALK))

    assert named == {path for path, _ in SECTIONS}
    assert 1 < len(named) <= 7
    assert all((ROOT / path).is_file() for path in named)
