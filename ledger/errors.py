"""What can go wrong with the ledger.

LedgerError
├── LedgerUnavailable   it did not answer; the write may or may not have happened, and may be repeated
├── BadAddress          the connection string cannot be used
├── LedgerNotReady      it answers, and its indexes are missing: `rollcall setup`
└── SealingError        a sealed value cannot be opened: no such key, or it was altered
"""


class LedgerError(Exception):
    """Any of the below."""


class LedgerUnavailable(LedgerError):  # noqa: N818  # a state of the world, not a mistake
    """MongoDB did not answer. Every write of this package may be repeated with the same arguments."""


class InvalidConnectionString(LedgerError):  # noqa: N818  # likewise
    """The connection string cannot be used; it is not shown, for it may hold a password."""


class LedgerNotReady(LedgerError):  # noqa: N818  # likewise
    """Indexes are missing; `rollcall setup` creates them."""


class SealingError(LedgerError):
    """A sealed value cannot be opened. The message names the key id and nothing else."""
