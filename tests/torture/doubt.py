"""What a kill leaves in doubt: the deliveries of the windows that the dead one held open (I4)."""

from collections import Counter
from collections.abc import Iterable

from tests.support.deployment import Document, House, Service
from tests.support.polling import wait_until

ANSWERS = 8
"""So many equal ones, 50 ms apart, are believed."""


def windows_of(house: House, services: Iterable[Service]) -> dict[str, Document]:
    """The windows that claims of these processes hold open, by chunk."""
    owners = "|".join(f"-{service.child.pid}-" for service in services)
    held = {"open": True, "window": {"$ne": None}, "owner": {"$regex": owners}}
    return {chunk["_id"]: chunk["window"] for chunk in house.database["chunks"].find(held, {"window": True})}


def deliveries_in(windows: dict[str, Document]) -> set[str]:
    """Log ids of the deliveries in windows."""
    return {
        f"log_{chunk_id[4:34]}{index:05x}"
        for chunk_id, window in windows.items()
        for first, end in window["ranges"]
        for index in range(first, end)
    }


class Doubts:
    """How often each delivery was left without a log in a window that its owner left open."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.times: Counter[str] = Counter()

    async def note(self, *gone: Service) -> set[str]:
        """Note the windows of processes that are dead, or stopped; nobody takes them over before their leases end.

        What a process had sent last may still be on its way into MongoDB: it is asked until its answers agree for long.
        """
        agreed, found = 0, self._left_by(gone)

        def settled() -> bool:
            nonlocal agreed, found
            before, found = found, self._left_by(gone)
            agreed = agreed + 1 if found == before else 0
            return agreed == ANSWERS

        await wait_until(settled)
        self.times.update(found)
        return found

    def _left_by(self, gone: Iterable[Service]) -> set[str]:
        ids = deliveries_in(windows_of(self._house, gone))
        logged = self._house.database["communication_logs"].find({"_id": {"$in": [*ids]}}, {"_id": True})
        return ids - {log["_id"] for log in logged}
