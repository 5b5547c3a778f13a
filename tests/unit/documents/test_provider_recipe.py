"""docs/adding-a-provider.md names every place that a kind of provider needs, and every kind is at each of them."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

import providers
from core.send_result import Failed, Retry, Sent, Uncertain
from providers.entries import ProviderEntry
from providers.http_api import _STATUSES
from providers.kinds import KINDS
from providers.result_codes import result_for
from providers.tenant_entries import TENANT_ENTRIES
from tests.contract.providers.servers import Act, SilentPeer
from tests.contract.providers.stages import STAGES
from tests.support.repository import ROOT

RECIPE = (ROOT / "docs" / "adding-a-provider.md").read_text(encoding="utf-8")
EVERY_OTHER_SIDE = {Act.TAKE, Act.REFUSE, Act.HANG, Act.CUT}
PLACES = [
    "providers/vendors/<kind>.py",
    "providers/kinds.py",
    "tests/contract/providers/vendors/<kind>.py",
    "tests/contract/providers/stages.py",
    "tests/contract/providers/test_provider_<kind>.py",
    "docs/providers/<kind>.md",
    "docs/settings.md",
    "CHANGELOG.md",
]
"""Places that the tests below check, in the order of the recipe."""

every_kind = pytest.mark.parametrize("kind", KINDS)


def test_the_recipe_has_one_step_for_each_place_in_order() -> None:
    steps = re.findall(r"^\d\. \*\*[\w' ]+\*\* \(`([\w/<>.-]+)`\):", RECIPE, re.MULTILINE)

    assert steps == PLACES


@pytest.mark.parametrize("path", sorted(set(re.findall(r"(?:providers|core|tests)/[a-z_/]+\.py", RECIPE))))
def test_every_file_that_the_recipe_names_exists(path: str) -> None:
    assert (ROOT / path).is_file()


@pytest.mark.parametrize("answer", [Sent, Retry, Failed, Uncertain])
def test_every_answer_is_explained(answer: type) -> None:
    assert f"| `{answer.__name__}(" in RECIPE


def test_the_table_has_every_entry_that_a_file_of_providers_declares() -> None:
    for module in pkgutil.walk_packages(providers.__path__, "providers."):
        importlib.import_module(module.name)

    of_tenants = set(TENANT_ENTRIES.values())
    declared = set(_descendants(ProviderEntry)) - of_tenants
    assert {kind.entry for kind in KINDS.values()} == {
        entry for entry in declared if not set(entry.__subclasses__()) - of_tenants
    }


def _descendants(entry: type[ProviderEntry]) -> Iterator[type[ProviderEntry]]:
    for child in entry.__subclasses__():
        yield child
        yield from _descendants(child)


@every_kind
def test_every_kind_has_a_file_of_its_name_with_its_entry_and_its_class(kind: str) -> None:
    entry, build = KINDS[kind]

    assert entry.model_fields["kind"].annotation.__args__ == (kind,)  # type: ignore[union-attr]
    (module,) = {entry.__module__, build.__module__}
    assert module in {f"providers.{kind}", f"providers.vendors.{kind}"}


@every_kind
def test_every_kind_has_a_server_to_be_tried_against(kind: str) -> None:
    stage = STAGES[kind](SilentPeer())

    assert (stage.peer is None) == (stage.limit is None) == (kind == "simulator")
    assert set(stage.acts) >= EVERY_OTHER_SIDE


def test_every_kind_has_a_stage_in_the_contract() -> None:
    assert STAGES.keys() == KINDS.keys()


@every_kind
def test_every_kind_has_tests_of_its_own(kind: str) -> None:
    folder = "unit/providers" if kind == "simulator" else "contract/providers"

    assert (ROOT / "tests" / folder / f"test_provider_{kind}.py").is_file()


@every_kind
@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("docs/providers/{}.md", "# The kind `{}`"),
        ("docs/providers/README.md", "| [`{}`]({}.md) |"),
        ("docs/settings.md", "Kind `{}`:"),
        ("CHANGELOG.md", "`{}`"),
    ],
)
def test_every_kind_is_in_the_documents(kind: str, page: str, text: str) -> None:
    assert text.format(kind, kind) in (ROOT / page.format(kind)).read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", [kind for kind, (_, build) in KINDS.items() if ".vendors." in build.__module__])
def test_the_page_of_a_vendor_has_every_code_of_its_table_with_its_result(kind: str) -> None:
    table = importlib.import_module(f"providers.vendors.{kind}").TABLE
    page = (ROOT / "docs" / "providers" / f"{kind}.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("|")]

    assert table.page in page
    assert all(re.search(rf"^\|.*\b{status}\b", page, re.MULTILINE) for status in _STATUSES)
    for code, result_kind in table.codes.items():
        result = result_for(result_kind, "")
        reason = "" if isinstance(result, Sent) else f"({result.reason})"
        named = [row for row in rows if re.search(rf"(?<![\w.]){re.escape(code)}(?![\w.])", row)]
        assert any(f"`{type(result).__name__}{reason}`" in row for row in named), (code, result)
