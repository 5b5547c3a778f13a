"""docs/glossary.md has the terms of the field, in alphabetical order."""

import re

from tests.support.repository import ROOT

TERMS = re.findall(r"^\| ([a-z][\w -]*) \|", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.MULTILINE)[1:]
REQUIRED = [
    "request",
    "part",
    "chunk",
    "window",
    "delivery",
    "recipient",
    "lane",
    "slot",
    "claim",
    "lease",
    "fencing token",
    "intent",
    "take-over",
    "wake-up message",
    "control flags",
    "receipt",
    "suppression",
    "sealed",
    "masked",
]


def test_the_terms_are_in_alphabetical_order_and_each_is_explained_once() -> None:
    assert sorted(set(TERMS)) == TERMS


def test_every_term_of_the_protocol_is_explained() -> None:
    assert set(REQUIRED) <= set(TERMS)
