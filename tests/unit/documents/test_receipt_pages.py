"""The page of a vendor has each status of its receipts with its meaning, the source of the table, and an entry."""

import re

import pytest

from providers.receipts.receipt_kinds import RECEIPT_KINDS
from providers.receipts.receipt_table import ReceiptTable
from schemas.receipts import ReceiptClass
from tests.support.repository import ROOT

VENDORS = [kind for kind in RECEIPT_KINDS if (ROOT / "providers" / "vendors" / f"{kind}.py").is_file()]
KINDS = [*VENDORS, "smtp"]


def section(kind: str) -> str:
    """Return the section about receipts of the page of a kind."""
    page = (ROOT / "docs" / "providers" / f"{kind}.md").read_text("utf-8")
    return page.partition("\n## Bounces\n" if kind == "smtp" else "\n## Receipts\n")[2]


def rows_of(kind: str, status: str) -> list[str]:
    """Return the rows of the section that name a status in backticks."""
    return [line for line in section(kind).splitlines() if line.startswith("|") and f"`{status}`" in line]


def classes_in(row: str) -> set[ReceiptClass]:
    return {each for each in ReceiptClass if f"`{each}`" in row}


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_an_entry_to_copy_and_names_its_required_fields(kind: str) -> None:
    text = section(kind)
    required = [name for name, field in RECEIPT_KINDS[kind].entry.model_fields.items() if field.is_required()]

    assert "[[receipts]]" in text
    assert all(re.search(rf"^{name} = ", text, re.MULTILINE) for name in required)


@pytest.mark.parametrize(("kind", "table"), [(kind, table) for kind in KINDS for table in RECEIPT_KINDS[kind].tables])
def test_the_page_has_each_status_of_the_table_with_its_meaning(kind: str, table: ReceiptTable) -> None:
    assert table.page in section(kind)
    for status, (result, receipt_class) in table.statuses.items():
        assert any(
            f"`{result}`" in row and classes_in(row) == ({receipt_class} if receipt_class else set())
            for row in rows_of(kind, status)
        ), status
    assert all(rows_of(kind, status) for status in table.no_receipts)
