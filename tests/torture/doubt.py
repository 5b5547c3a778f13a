"""What a kill leaves in doubt: the deliveries of the windows that the dead one held open (I4)."""

from collections import Counter
from collections.abc import Iterable

from tests.e2e.open_windows import log_ids_in, open_windows
from tests.support.deployment import Deployment, Service
from tests.support.polling import wait_until

ANSWERS = 8
"""So many equal ones, 50 ms apart, are believed."""


class Doubts:
    """How often each delivery was left without a log in a window that its owner left open."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
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
        ids = log_ids_in(open_windows(self._deployment, gone))
        logged = self._deployment.database["communication_logs"].find({"_id": {"$in": [*ids]}}, {"_id": True})
        return ids - {log["_id"] for log in logged}
