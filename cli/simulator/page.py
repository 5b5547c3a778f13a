"""Page that shows the messages of the simulator in a browser."""

from collections.abc import Iterable
from datetime import datetime
from html import escape
from typing import Any

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>rollcall simulator</title>
<style>
body {{ font-family: sans-serif }}
td, th {{ text-align: left }}
td, th {{ padding-right: 1rem }}
td {{ vertical-align: top }}
td {{ white-space: pre-wrap }}
</style></head><body>
<h1>rollcall simulator</h1>
<h2>Counts</h2>
{counts}
{receipts}<h2>Latest messages</h2>
{last}
</body></html>
"""


def page_of(document: dict[str, Any]) -> str:
    """Return the page for a document of `ReceivedMessages`. It loads itself again every five seconds."""
    counts, last = document["counts"], document["last"]
    results = list(next(iter(counts.values())))
    count_rows = [[channel, *(by_result[result] for result in results)] for channel, by_result in counts.items()]
    fields = list(last[0]) if last else []
    receipts = document.get("receipts", {})
    return _PAGE.format(
        counts=_table(["", *results], count_rows),
        receipts=f"<h2>Receipts</h2>\n{_table(receipts, [receipts.values()])}\n" if receipts else "",
        last=_table(fields, [[_shown(one[field]) for field in fields] for one in last]) if last else "<p>None yet.</p>",
    )


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:%H:%M:%S}" if isinstance(value, datetime) else str(value)


def _table(titles: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    lines = ["".join(f"<th>{escape(title)}</th>" for title in titles)]
    lines += ["".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
