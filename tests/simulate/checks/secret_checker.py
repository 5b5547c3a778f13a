"""Check after a run that secret variables were there while they were needed, and that none is left (I9)."""

from collections.abc import Iterator

from schemas.statuses import Reason
from tests.simulate.scenario import PIN
from tests.simulate.world import World


def secret_findings(world: World) -> Iterator[str]:
    """Return the errors: a text without its values, a delivery that failed for lack of them, a value that is left."""
    books, store = world.books, world.books.store
    secret = {key for key, document in store.requests.items() if document.request.header.secret_variables}
    for side in world.all_sides:
        for delivery, (_, text) in side.texts.items():
            if delivery[4:30] in secret and not text.endswith(f" X {PIN}"):
                yield f"I9: {books.brief(delivery)} was sent without its secret variables"
    for log in store.logs.values():
        if log.reason is Reason.INVALID_CONTENT:
            yield f"I9: {books.brief(log.id)} has no secret variables any more"
    for chunk in store.chunks.values():
        if chunk.chunk.sealed_secrets:
            yield f"I9: {books.brief(chunk.chunk.id)} is closed, and has secret variables"
    for request in store.requests.values():
        if request.request.header.sealed_secrets:
            yield f"I9: {request.request.header.request_id} is completed, and has secret variables"
