"""`rollcall bounces`: receipts from bounce mails."""

from pathlib import Path
from typing import Annotated

import typer


def bounces(
    *,
    maildir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Maildir with the bounces. Mails move from new to cur.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="With --maildir: wait for further mails.")] = False,
    leave_others: Annotated[
        bool, typer.Option("--leave-others", help="With --maildir: leave mails without a receipt in new.")
    ] = False,
    lmtp: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT",
            help="Address to take mails on by LMTP. The host is 127.0.0.1 unless it is given. "
            "Any other than loopback is open to the network.",
        ),
    ] = None,
) -> None:
    """Publish the receipts of bounce mails: delivery reports and complaints about mails of the kind smtp.

    Only reports to a return path that rollcall signed are believed. The keys are the entries of the kind smtp in
    ROLLCALL_RECEIPTS or ROLLCALL_RECEIPTS_FILE. A mail is done once Kafka has acknowledged its receipt. Other mails are
    counted, and change nothing. With --follow and with --lmtp, the command runs until SIGTERM or Ctrl-C, and prints
    lines of JSON.

    Example: rollcall bounces --lmtp 127.0.0.1:8024
    """
    from cli.bounces.run import BounceOptions, run  # noqa: PLC0415

    run(BounceOptions(maildir, lmtp, follow, leave_others))
