"""Table of the status codes of bounces (RFC 3463): the class of each one that ends a delivery."""

import re

from schemas.receipts import ReceiptClass

HARD_CODES = frozenset(
    {
        "5.1.0",  # other address status
        "5.1.1",  # bad destination mailbox address
        "5.1.2",  # bad destination system address
        "5.1.3",  # bad destination mailbox address syntax
        "5.1.6",  # mailbox has moved, no forwarding address
        "5.1.10",  # null MX (RFC 7505), and recipient not found (Exchange)
        "5.2.1",  # mailbox disabled, not accepting messages
        "5.4.4",  # unable to route: Postfix says it of a domain that does not exist
    }
)
"""Codes of an address that never accepts mails (RFC 3463, 3.2 to 3.5, unless another source is named).

All other codes are a soft bounce, also those of class 5: a full mailbox (5.2.2), a mail that is too long (5.2.3), a
refused sender (5.1.7, 5.1.8), and policy (5.7). The next mail may be accepted.
"""

_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?![0-9.])")
_DIAGNOSTIC = re.compile(
    r"smtp\s{0,9};\s{0,9}[245][0-9]{2}[ -]#?([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])", re.IGNORECASE
)


def bounce_class(code: str) -> ReceiptClass:
    """Return the class of a delivery that failed with this code."""
    return ReceiptClass.HARD_BOUNCE if code in HARD_CODES else ReceiptClass.SOFT_BOUNCE


def status_code(status: str, diagnostic: str) -> str | None:
    """Return the code of the fields Status and Diagnostic-Code, or None.

    Exim writes 5.0.0 into Status whatever the other server said. So a code in the diagnostic counts more than one that
    ends with 0.0.
    """
    found, said = _ENHANCED.match(status), _DIAGNOSTIC.match(diagnostic)
    code = found[0] if found else None
    return said[1] if said and (code is None or code.endswith(".0.0")) else code
