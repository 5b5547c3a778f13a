"""Addresses of an e-mail besides that of its recipient: `reply_to` and `cc` of a request."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.addresses.control_characters import has_control
from core.addresses.email import compare_form, read_email
from core.addresses.mailbox import split_mailbox
from core.addresses.problems import AddressProblem


class InvalidMailAddressError(ValueError):
    """Error for a `reply_to` or a member of `cc` that is not valid. It names the field and shows no value."""

    def __init__(self, field: str, problem: AddressProblem) -> None:
        self.field = field
        self.problem = f"{problem}. Correct it or leave it out."
        super().__init__(f"{field}: {self.problem}")


@dataclass(frozen=True, slots=True, repr=False)
class MailAddresses:
    """Normalised addresses. Their repr shows none of them."""

    reply_to: str | None = None
    """Mailbox for replies: `address` or `Name <address>`."""
    cc: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "MailAddresses(***)"

    def cc_besides(self, to: str) -> tuple[str, ...]:
        """Return the CC addresses without that of the recipient, so that one mailbox never gets two copies."""
        if not self.cc:
            return ()
        recipient = compare_form(to)
        return tuple(address for address in self.cc if compare_form(address) != recipient)


NO_ADDRESSES = MailAddresses()
"""Addresses of a request that has none besides its recipients."""


def normalise_mail_addresses(reply_to: str | None, cc: Sequence[str] | None) -> MailAddresses:
    """Return the addresses by the rules for recipients. Raise InvalidMailAddressError.

    A CC address that occurs again is left out, in whatever case it is written.
    """
    copies: dict[str, str] = {}
    for index, raw in enumerate(cc or ()):
        address = _read(f"cc[{index}]", raw)
        copies.setdefault(compare_form(address), address)
    return MailAddresses(None if reply_to is None else _read_mailbox(reply_to), tuple(copies.values()))


def _read_mailbox(reply_to: str) -> str:
    name, raw = split_mailbox(reply_to)
    address = _read("reply_to", raw)
    if has_control(name):
        raise InvalidMailAddressError("reply_to", AddressProblem.CONTROL_CHARACTER)
    return f"{name} <{address}>" if name else address


def _read(field: str, raw: str) -> str:
    address = read_email(raw)
    if isinstance(address, AddressProblem):
        raise InvalidMailAddressError(field, address)
    return address
