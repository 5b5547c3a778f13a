"""Configurations of the protocol without flaws. There must be no complaint in any of them."""

from tests.model.config import Config

ONE, TWO, PARTS, CHUNKS = (("a",),), (("aa",),), (("a",), ("a",)), (("a", "a"),)

ALL = (
    # the whole path of one chunk, with every answer
    Config("chunk", TWO, crashes=1, lapses=1),
    Config("chunk-deep", ONE, crashes=2, lapses=2),
    Config("chunk-sent", TWO, answers="S", crashes=2, lapses=1),
    Config("chunk-resend", TWO, policy="resend", answers="SU", crashes=1, lapses=1, overlap=False),
    Config("chunk-resend-deep", ONE, policy="resend", answers="SRF", crashes=2, lapses=2, attempts=3),
    Config("chunk-resend-sent", TWO, policy="resend", answers="S", crashes=2, lapses=1),
    Config("deadly-window", ONE, policy="resend", answers="S", crashes=3, lapses=0, attempts=2),
    Config("wide-window", TWO, answers="SRF", window=2, crashes=1, lapses=1),
    Config("wide-windows", (("aaaa",),), window=2, answers="S", crashes=1, lapses=1),
    Config("three-workers", ONE, processes=3, answers="SRU", crashes=1, lapses=2),
    Config("at-once", TWO, policy="resend", answers="SR", crashes=1, lapses=0, at_once=True, overlap=False),
    Config("rate-limited", TWO, answers="SZ", crashes=1, lapses=1),
    Config("deduplicates", ONE, providers="d", crashes=2, lapses=1),
    Config("deduplicates-two", TWO, providers="d", answers="SF", crashes=1, lapses=1, overlap=False),
    Config("receipts", ONE, answers="SU", crashes=2, lapses=1, receipts=2),
    # several chunks and parts, with repeated expansion
    Config("two-parts", (("aa",), ("a",)), answers="S", crashes=1, lapses=0, overlap=False),
    Config("two-parts-short", PARTS, answers="SR", crashes=1, lapses=1, repeats=1),
    Config("two-parts-three", PARTS, answers="S", processes=3, crashes=1, lapses=0),
    Config("two-chunks", CHUNKS, answers="S", crashes=1, lapses=1, repeats=1, facts=True),
    Config("two-parts-cut", PARTS, answers="S", crashes=1, lapses=1, cut=True),
    Config("given-up", PARTS, answers="S", crashes=1, lapses=1, faults=True),
    Config("empty-last-part", (("a",), ()), answers="SR", crashes=2, lapses=1),
    Config("same-part-two-bodies", CHUNKS, answers="S", records=((0, 0), (0, 1)), rejected=1, crashes=1, lapses=1),
    Config("chunks-deleted", ONE, answers="S", crashes=1, lapses=1, repeats=1, forgets=True),
    Config("duplicates", (("a",), ("x",)), answers="S", crashes=1, lapses=1, repeats=1),
    Config("decided", (("da",), ("d",)), answers="SU", crashes=1, lapses=1, overlap=False),
    Config("wakes", PARTS, answers="SR", crashes=1, lapses=0, wakes=True),
    # small requests: one document, born claimed
    Config("small", TWO, small=True, answers="SU", crashes=1, lapses=1, repeats=1, wakes=True),
    Config("small-deep", ONE, small=True, crashes=2, lapses=2),
    Config("small-three", ONE, small=True, processes=3, answers="SR", crashes=1, lapses=1),
    Config("small-resend", ONE, small=True, policy="resend", answers="SU", crashes=2, lapses=1),
    Config("small-two-bodies", ONE, small=True, answers="S", records=((0, 0), (0, 1)), rejected=1, facts=True),
    Config("small-decided", (("da",),), small=True, answers="SU", crashes=1, lapses=1),
    Config("small-cancel", TWO, small=True, answers="S", orders=("cancel",), wakes=True, overlap=False),
    Config("small-pause", ONE, small=True, answers="S", lapses=0, orders=("pause", "resume", "pause"), wakes=True),
    Config("small-expires", ONE, small=True, answers="SR", crashes=1, lapses=1, expires=True),
    # orders and time
    Config("cancel", TWO, answers="SU", crashes=1, lapses=1, orders=("cancel",), wakes=True, overlap=False),
    Config(
        "cancel-resend", TWO, policy="resend", answers="SF", lapses=0, orders=("cancel",), wakes=True, overlap=False
    ),
    Config("cancel-window", TWO, window=2, answers="SU", orders=("cancel",), wakes=True, overlap=False),
    Config(
        "cancel-window-resend",
        TWO,
        window=2,
        policy="resend",
        answers="SF",
        orders=("cancel",),
        wakes=True,
        overlap=False,
    ),
    Config("cancel-decided", (("d", "a"),), answers="S", orders=("cancel",), wakes=True),
    Config("cancel-parts", PARTS, answers="S", orders=("cancel",), wakes=True),
    Config("cancel-chunks", CHUNKS, answers="S", lapses=0, orders=("cancel",), wakes=True, overlap=False),
    Config("pause", TWO, answers="S", orders=("pause",), wakes=True, overlap=False),
    Config(
        "pause-window", TWO, window=2, answers="SU", lapses=0, orders=("pause", "resume"), wakes=True, overlap=False
    ),
    Config("pause-resume", TWO, answers="S", lapses=0, orders=("pause", "resume"), wakes=True, overlap=False),
    Config("pause-resume-pause", ONE, answers="S", lapses=0, orders=("pause", "resume", "pause"), wakes=True),
    Config("pause-parts", PARTS, answers="S", lapses=0, orders=("pause", "resume"), wakes=True, overlap=False),
    Config("pause-chunks", CHUNKS, answers="S", lapses=0, orders=("pause",), wakes=True, overlap=False),
    Config(
        "pause-resend", ONE, policy="resend", answers="S", crashes=2, lapses=0, orders=("pause", "resume"), wakes=True
    ),
    Config("pause-deduplicates", ONE, providers="d", answers="SU", lapses=0, orders=("pause", "resume"), wakes=True),
    Config("pause-cancel", TWO, answers="S", lapses=0, orders=("pause", "cancel"), wakes=True, overlap=False),
    Config("pause-expires", TWO, answers="S", lapses=0, orders=("pause",), expires=True, wakes=True, overlap=False),
    Config("expires", TWO, answers="SU", crashes=1, lapses=1, overlap=False, expires=True),
    Config("expires-resend", TWO, policy="resend", answers="SF", lapses=0, expires=True, overlap=False),
    Config("expires-resend-deep", ONE, policy="resend", answers="SU", crashes=1, lapses=2, expires=True),
    Config("expires-deduplicates", ONE, providers="d", answers="SRU", crashes=1, lapses=1, expires=True),
    # several providers of a route: failover without an attempt, breakers, providers that vanish or change
    Config("route", ONE, providers="pp", answers="SRU", crashes=1, lapses=1),
    Config("route-three", ONE, providers="ppp", answers="SRB", crashes=1, lapses=0),
    Config("route-breakers", ONE, providers="pp", answers="SRB", crashes=1, lapses=0),
    Config("route-rate-limited", ONE, providers="pp", answers="SRZ", crashes=1, lapses=0),
    Config("route-two", TWO, providers="pp", answers="SR", crashes=1, lapses=0, overlap=False),
    Config("route-window", TWO, providers="pp", answers="SR", window=2, crashes=1, lapses=0, overlap=False),
    Config("route-resend", ONE, providers="pp", policy="resend", answers="SRUB", crashes=1, lapses=0),
    Config("route-deduplicates", ONE, providers="dp", answers="SRUF", crashes=1, lapses=1),
    Config("route-deduplicates-second", ONE, providers="pd", answers="SRUF", crashes=1, lapses=1),
    Config("route-deduplicates-breakers", ONE, providers="dp", answers="SUB", crashes=1, lapses=1),
    Config("route-gone", ONE, providers="dp", change="gone", answers="SRU", crashes=1, lapses=0),
    Config("route-gone-resend", ONE, providers="dp", policy="resend", change="gone", answers="SRU", lapses=0),
    Config("route-changed", ONE, providers="dp", change="changed", answers="SRU", crashes=1, lapses=1),
    Config("route-changed-resend", ONE, providers="dp", policy="resend", change="changed", answers="SRU", lapses=0),
    Config("route-small", ONE, providers="pd", small=True, answers="SRU", crashes=1, lapses=1),
    Config("route-cancel", ONE, providers="dp", answers="SRU", lapses=0, orders=("cancel",), wakes=True),
    Config("route-pause", ONE, providers="dp", answers="SRU", lapses=0, orders=("pause", "resume"), wakes=True),
    Config("route-expires", ONE, providers="dp", answers="SRU", crashes=1, lapses=0, expires=True),
    # limits of a tenant, and budgets
    Config("limit", CHUNKS, answers="SU", limit=1, periods=2, crashes=1, lapses=0, overlap=False),
    Config("limit-refused", CHUNKS, answers="SR", limit=1, periods=2, crashes=0, lapses=0, overlap=False),
    Config("limit-window", TWO, answers="SRU", limit=1, periods=2, window=2, crashes=1, lapses=0, overlap=False),
    Config("limit-zombie", ONE, answers="SRU", limit=1, periods=2, crashes=1, lapses=1, overlap=False),
    Config("budget", CHUNKS, answers="SU", budget=1, crashes=1, lapses=1, overlap=False),
    Config("budget-two", TWO, answers="SRU", budget=1, crashes=1, lapses=0, overlap=False),
    Config("budget-window", TWO, answers="SRU", budget=1, window=2, crashes=1, lapses=0, overlap=False),
    Config("budget-zombie", ONE, answers="SRU", budget=1, crashes=1, lapses=1, overlap=False),
    Config("budget-resend", ONE, answers="SRU", policy="resend", budget=2, crashes=1, lapses=1, attempts=3),
    Config("budget-deduplicates", ONE, answers="SRU", providers="d", budget=1, crashes=1, lapses=1),
)
CONFIGS = {config.name: config for config in ALL}

SHORT = (
    Config("short-chunk", ONE, answers="SRU"),
    Config("short-resend", ONE, policy="resend", answers="SU", lapses=0),
    Config("short-parts", PARTS, answers="S", lapses=0, overlap=False),
    Config("short-cancel", ONE, answers="S", lapses=0, orders=("cancel",), wakes=True),
    Config("short-cancel-window", TWO, window=2, answers="S", crashes=0, orders=("cancel",), wakes=True, overlap=False),
    Config("short-deduplicates", ONE, providers="d", answers="SU", lapses=0),
    Config("short-expires", ONE, answers="SR", lapses=0, expires=True),
    Config("short-small", ONE, small=True, answers="SU", lapses=0, wakes=True),
    Config("short-duplicates", (("a",), ("x",)), answers="S", crashes=0, lapses=0),
    Config("short-route", ONE, providers="pp", answers="SRUB", crashes=1, lapses=0, overlap=False),
    Config("short-route-changed", ONE, providers="dp", change="changed", answers="SU", crashes=1, lapses=0),
    Config("short-limit", CHUNKS, answers="SR", limit=1, periods=2, crashes=0, lapses=0, overlap=False),
    Config("short-budget", TWO, answers="SRU", budget=1, crashes=1, lapses=0, overlap=False),
)
"""Configurations that `make test` searches, in seconds."""
