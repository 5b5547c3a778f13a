"""The product broken on purpose, as a check of the harnesses themselves: `make mutants`.

Each mutant is a small change of the source, applied to a copy of the product in a temporary folder. What is meant to
find such a mistake is run against the copy and must find it; against an unchanged copy it must find nothing.

    python -m tests.mutants                    all of them, against the simulator
    python -m tests.mutants --only NAME        one of them
    python -m tests.mutants --real             those with a row of tests/torture against real processes too

A mutant that nothing finds is a failure: the harness is too weak. So is one whose text is no longer in the product,
since a mutant must follow the product.
"""
