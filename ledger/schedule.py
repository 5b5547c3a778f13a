"""When a chunk is due for the sweeper; the same for both ledgers."""

from datetime import UTC, datetime

UNCLAIMED_SECONDS = 60
"""How long a new chunk is left to its wake-up call before a sweeper may take it."""
CANCELLED_SECONDS = 1.0
"""How long a cancelled chunk that its owner puts back waits at most."""
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""When a paused chunk without an expiry may be claimed by itself."""
