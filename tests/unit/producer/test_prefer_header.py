"""`Prefer` by RFC 7240: known preferences are applied, and all others are ignored."""

import pytest

from producer.bulk.prefer_header import parse_wait_seconds, prefers_lenient


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (["wait=10"], 10),
        (["wait=0"], 0),
        (["wait=30"], 30),
        (["wait=31"], 30),
        (["wait=999999999"], 30),
        (["WAIT = 5"], 5),
        (['wait="5"'], 5),
        (["wait=5; loudly"], 5),
        (["respond-async, wait=5"], 5),
        (["a" + " " * 900 + '", wait=5'], 5),
        (['wait = "5" ; a = b'], 5),
        (["respond-async;x=y", "handling=lenient , wait=5"], 5),
        (["wait=5, wait=9"], 5),
        (["wait=5", "wait=9"], 5),
        ([], None),
        ([""], None),
        (["wait"], None),
        (["wait="], None),
        (["wait=-1"], None),
        (["wait=1.5"], None),
        (["wait=5s"], None),
        (["wait=٣"], None),
        (["waiting=5"], None),
        (["wait=" + "9" * 10_000], None),
        (['respond-async="a,wait=5"'], None),
        (["wait=soon, wait=5"], None),
    ],
)
def test_the_wait_is_parsed_as_rfc_7240_says(headers: list[str], seconds: int | None) -> None:
    assert parse_wait_seconds(headers) == seconds


@pytest.mark.parametrize(
    ("headers", "lenient"),
    [
        (["handling=lenient"], True),
        (["wait=5, Handling = Lenient"], True),
        (["wait=5", 'handling="lenient"; x=y'], True),
        (["handling=strict"], False),
        (["handling=strict, handling=lenient"], False),
        (["handling"], False),
        (["lenient"], False),
        ([], False),
    ],
)
def test_lenient_handling_is_parsed_as_rfc_7240_says(headers: list[str], lenient: bool) -> None:  # noqa: FBT001
    assert prefers_lenient(headers) is lenient
