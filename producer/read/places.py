"""Places for calls that read texts of deliveries. Each takes megabytes while it opens requests and chunks."""

from producer.http.tenant_room import RoomBounds, TenantRoom

MAX_READS = 4
"""Maximum number of calls that read texts at the same time."""
MAX_TENANT_READS = 2
"""The same for one tenant."""
MAX_WAITING_READS = 100
"""Maximum number of calls of one tenant that wait for a place."""
WAIT_SECONDS = 5
"""Maximum time in seconds for which a call waits for a place."""


def read_places() -> TenantRoom:
    """Return the places. A call takes one."""
    bounds = RoomBounds(MAX_READS, MAX_TENANT_READS, MAX_WAITING_READS, WAIT_SECONDS)
    return TenantRoom(bounds, "too many calls read deliveries at the moment")
