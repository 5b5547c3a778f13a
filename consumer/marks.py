"""Marks: what was ordered about a request reaches its chunks, whoever wrote them and whatever crashed in between."""

from consumer.context import Tools
from core.ids import RequestKey
from ledger.models import Marks


async def mark(key: RequestKey, marks: Marks, tools: Tools, part: int | None = None) -> None:
    """Put the marks of a request on its open chunks, or on those of one part; a repeat changes nothing."""
    chunks = tools.ledger.chunks
    if marks.cancelled:
        await tools.lasting(lambda: chunks.mark_cancelled(key, part), "mark")
    elif marks.pauses:
        await tools.lasting(lambda: chunks.hold(key, marks.pauses, part), "hold")
