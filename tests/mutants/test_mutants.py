import ast

import pytest

from tests.mutants.copies import ROOT, change
from tests.mutants.mutants import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_mutant_still_changes_the_product_into_something_that_can_be_read(mutant: Mutant) -> None:
    for edit in mutant.edits:
        ast.parse(change(edit, ROOT))
