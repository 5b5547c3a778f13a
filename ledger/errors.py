"""Errors of the ledger.

LedgerError
├── LedgerUnavailable         MongoDB did not answer. A write may have happened, and may be repeated
├── LedgerRefused             MongoDB or its driver refuses the command for good
├── InvalidConnectionString   the connection string is not valid
├── LedgerNotReady            indexes are missing. Run `rollcall setup`
└── SealingError              a sealed value cannot be opened. The key is missing, or the value was changed
"""


class LedgerError(Exception):
    """Base of all errors of the ledger."""


class LedgerUnavailable(LedgerError):  # noqa: N818  # it names a state of MongoDB
    """Missing answer of MongoDB. Every write of this package may be repeated with the same arguments."""


class LedgerRefused(LedgerError):  # noqa: N818  # it names a state, too
    """Command that MongoDB or its driver refuses for good, such as a document that is too large."""


class InvalidConnectionString(LedgerError):  # noqa: N818  # it names a state, too
    """Connection string that is not valid. The message does not show it, because it may contain a password."""


class LedgerNotReady(LedgerError):  # noqa: N818  # it names a state, too
    """Missing indexes, which `rollcall setup` creates."""


class SealingError(LedgerError):
    """Sealed value that cannot be opened. The message contains the key id and nothing else."""
