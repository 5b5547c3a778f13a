"""Tables of the words and codes of bounces: the status of each action, and the class of each status code."""

import re

from providers.receipts.receipt_table import ReceiptMeaning, ReceiptTable
from schemas.receipts import ReceiptClass, ReceiptStatus

_SENT = ReceiptMeaning(ReceiptStatus.SENT)
_HARD = ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.HARD_BOUNCE)
_SOFT = ReceiptMeaning(ReceiptStatus.FAILED, ReceiptClass.SOFT_BOUNCE)
_COMPLAINT = ReceiptMeaning(ReceiptStatus.DELIVERED, ReceiptClass.COMPLAINT)

ACTIONS = ReceiptTable(
    vendor="mail servers",
    page="https://www.rfc-editor.org/rfc/rfc3464#section-2.3.3",
    statuses={
        "delivered": ReceiptMeaning(ReceiptStatus.DELIVERED),
        "failed": _SOFT,  # the code may say more
        "delayed": _SENT,  # the server has the mail, and tries again
        "relayed": _SENT,  # to a server that sends no reports
        "expanded": _SENT,  # to the members of a list
    },
)
"""Meanings of the field Action."""

FAILURES = ReceiptTable(
    vendor="mail servers",
    page="https://www.rfc-editor.org/rfc/rfc3463#section-3",
    statuses={
        "5.1.0": _HARD,  # other address status
        "5.1.1": _HARD,  # bad destination mailbox address
        "5.1.2": _HARD,  # bad destination system address
        "5.1.3": _HARD,  # bad destination mailbox address syntax
        "5.1.6": _HARD,  # mailbox has moved, no forwarding address
        "5.1.10": _HARD,  # null MX (RFC 7505), and recipient not found (Exchange)
        "5.2.1": _HARD,  # mailbox disabled, not accepting messages
        "5.4.4": _HARD,  # unable to route: Postfix says it of a domain that does not exist
    },
)
"""Meanings of the codes of failures that say that an address never accepts mails.

All other codes are a soft bounce, also those of class 5: a full mailbox (5.2.2), a mail that is too long (5.2.3), a
refused sender (5.1.7, 5.1.8), and policy (5.7). The next mail may be accepted.
"""

FEEDBACK = ReceiptTable(
    vendor="feedback loops",
    page="https://www.rfc-editor.org/rfc/rfc5965#section-7.3",
    statuses=dict.fromkeys(("abuse", "fraud", "virus"), _COMPLAINT),
    no_receipts=frozenset({"not-spam", "auth-failure", "other"}),  # RFC 6430 and RFC 6591. `other` says too little.
)
"""Meanings of the types of feedback."""

_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")
_DIAGNOSTIC = re.compile(
    r"smtp\s{0,9};\s{0,9}[245][0-9]{2}[ -]#?([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])", re.IGNORECASE
)


def delivery_meaning(action: str, code: str | None) -> ReceiptMeaning:
    """Return the meaning of an action and its code. The code counts if the delivery failed."""
    meaning = ACTIONS.meaning(action)
    return FAILURES.statuses.get(code or "", meaning) if meaning.status is ReceiptStatus.FAILED else meaning


def status_code(status: str, diagnostic: str) -> str | None:
    """Return the code of the fields Status and Diagnostic-Code, or None.

    Exim writes 5.0.0 into Status whatever the other server said. So a code in the diagnostic counts more than one that
    ends with 0.0.
    """
    found, said = _ENHANCED.match(status), _DIAGNOSTIC.match(diagnostic)
    code = found[0] if found else None
    return said[1] if said and (code is None or code.endswith(".0.0")) else code
