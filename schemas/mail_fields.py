"""Fields of a request that only an e-mail may have: the address for replies, and the copies."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from schemas.statuses import Channel

MAX_CC = 10
"""Maximum number of CC addresses of a request."""
ONE_RECIPIENT = (
    "needs a request with exactly one recipient, in one part. Otherwise each CC address would get one copy per "
    "recipient."
)
"""Problem of a request with `cc` and another number of recipients."""


def _absent_if_empty(addresses: list[str]) -> list[str] | None:
    return addresses or None


Mailbox = Annotated[str, StringConstraints(min_length=1, max_length=320)]
"""An address, or `Name <address>`."""
CopyAddresses = Annotated[list[Mailbox], Field(max_length=MAX_CC, fail_fast=True), AfterValidator(_absent_if_empty)]
"""Addresses for copies. An empty list is absent."""


def problem_of_mail_fields(channel: Channel, reply_to: str | None, cc: list[str] | None, recipients: int) -> str | None:
    """Return the problem of the fields in a body with this number of recipients, after the name of its field."""
    for name, value in (("reply_to", reply_to), ("cc", cc)):
        if value is not None and channel is not Channel.EMAIL:
            return f"{name}: is only for e-mail. Leave it out, or set channel to email."
    return f"cc: {ONE_RECIPIENT}" if cc and recipients != 1 else None
