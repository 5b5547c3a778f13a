"""Errors of commands. Each becomes a line on standard error that says what to do, and an exit code.

CommandError            (1)
├── UsageError          options or settings are missing or contradict each other (2)
├── UnknownRequest      request not found (3)
├── UnknownTemplate     template not found (3)
└── UnknownDeadLetter   dead letter not found (3)
"""

EXIT_FAILED = 1
"""Exit code if a command failed, some recipients failed, or not all are accounted for."""

EXIT_USAGE = 2
"""Exit code if options or settings are missing or contradict each other."""

EXIT_UNKNOWN = 3
"""Exit code if a request, template or dead letter was not found."""


class CommandError(Exception):
    """Failure of a command. The message is printed as it is, so it must not contain an address or a secret."""

    exit_code = EXIT_FAILED


def sentence(error: object) -> str:
    """Return the message of an error from another layer with a full stop, so that a sentence can follow it."""
    return f"{str(error).removesuffix('.')}."


def sealing_error(error: Exception) -> CommandError:
    """Return the error of a command that cannot open sealed data with the given keys."""
    return CommandError(
        f"ROLLCALL_SEALING_KEYS: {sentence(error)} Add the key with which the data was sealed after the newest key."
    )


class UsageError(CommandError):
    """Options, files or settings that cannot be used."""

    exit_code = EXIT_USAGE


class UnknownRequest(CommandError):  # noqa: N818  # not a mistake: the request may not be expanded yet
    """Request that is not in the ledger."""

    exit_code = EXIT_UNKNOWN

    def __init__(self, tenant: str, request_id: str) -> None:
        super().__init__(
            f"Request {request_id} of tenant {tenant} was not found. A request is visible after a consumer has "
            "expanded it. If it was rejected, see its request.rejected event.",
        )


class UnknownTemplate(CommandError):  # noqa: N818  # not a mistake: a template may be stored later
    """Template, or version of a template, that is not in the ledger."""

    exit_code = EXIT_UNKNOWN

    def __init__(self, tenant: str, code: str, newest: int | None) -> None:
        """Build the message. `newest` is the newest version if the tenant has a template with this code."""
        super().__init__(
            f"This version of template {code} was not found. Its newest version is {newest}."
            if newest
            else f"Template {code} of tenant {tenant} was not found. "
            f"`rollcall template list --tenant {tenant}` lists the templates."
        )


class UnknownDeadLetter(CommandError):  # noqa: N818  # not a mistake: Kafka deletes old records
    """Dead letter that is not in its topic."""

    exit_code = EXIT_UNKNOWN

    def __init__(self, position: str) -> None:
        super().__init__(f"No dead letter was found at {position}. `rollcall dead-letters list` lists the newest ones.")
