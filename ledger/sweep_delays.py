"""Times at which the sweeper may claim a chunk. Both ledgers use them."""

from datetime import UTC, datetime

UNCLAIMED_SECONDS = 60
"""Time that a new chunk waits for its wake-up message before the sweeper may claim it, in seconds."""

CANCELLED_SECONDS = 1.0
"""Maximum time that a released chunk of a cancelled request waits, in seconds."""

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""Claim time of a paused chunk without an expiry."""
