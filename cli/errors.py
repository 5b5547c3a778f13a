"""How a command ends when it cannot do what it was asked to: one line that says what to do, and an exit code.

CommandError
├── UsageError        options or settings are missing or contradict each other (2)
├── UnknownRequest    the ledger has no such request (3)
├── UnknownTemplate   the ledger has no such template (3)
└── UnknownLetter     there is no such dead letter (3)
"""

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNKNOWN = 3


class CommandError(Exception):
    """A command failed; the message is shown as it is, so it holds no address and no secret."""

    exit_code = EXIT_FAILED


class UsageError(CommandError):
    """Options, files or settings cannot be used as they are."""

    exit_code = EXIT_USAGE


class UnknownRequest(CommandError):  # noqa: N818  # a state of the world, not a mistake
    """The ledger has no request of this id and tenant."""

    exit_code = EXIT_UNKNOWN

    def __init__(self, tenant: str, request_id: str) -> None:
        super().__init__(
            f"tenant {tenant} has no request {request_id}: one is known once a consumer has taken it up, "
            "and one that was refused never is: its event request.rejected says why",
        )


class UnknownTemplate(CommandError):  # noqa: N818  # likewise
    """The ledger has no template of this code and tenant, or not in this version."""

    exit_code = EXIT_UNKNOWN

    def __init__(self, tenant: str, code: str, newest: int | None) -> None:
        """`newest` is its newest version, where there is a template of this code."""
        super().__init__(
            f"the newest version of the template {code} is {newest}"
            if newest
            else f"tenant {tenant} has no template {code}: `rollcall template list --tenant {tenant}` shows them"
        )


class UnknownDeadLetter(CommandError):  # noqa: N818  # likewise
    """The topic has no such dead letter."""

    exit_code = EXIT_UNKNOWN
