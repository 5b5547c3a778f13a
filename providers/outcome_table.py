"""Tables of a vendor's codes and their results."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from core.send_result import Failed, SendResult
from providers.http_api import OneForAll
from providers.result_codes import ResultKind, result_for

_SHOWN_CODE = re.compile(r"(?!.*[0-9]{7})[A-Za-z0-9._-]{1,64}")
"""Shape of a code that may be shown. It cannot be an address: seven digits in a row may be a phone number."""


@dataclass(frozen=True, slots=True)
class OutcomeTable:
    """Results of a vendor's codes, as its own page gives them."""

    vendor: str
    page: str
    """URL of the vendor's page of codes."""
    codes: Mapping[str, ResultKind]
    blame_no_message: frozenset[str] = frozenset()
    """Codes that would refuse each message of the account, such as an unknown sender."""

    def result(self, code: object, delay_seconds: float | None = None) -> SendResult:
        """Return the result of a code in a refusal. A code that is not in the table is `Failed`, and is counted.

        The error shows the code, if it has the shape of one.
        """
        text = str(code)
        shown = text if _SHOWN_CODE.fullmatch(text) else "(unknown)"
        kind = self.codes.get(text)
        result = result_for(kind or ResultKind.REJECTED, f"{self.vendor} {shown}", delay_seconds)
        return replace(result, unknown_code=shown) if kind is None and isinstance(result, Failed) else result

    def one_for_all(self, code: object, delay_seconds: float | None = None, wrong: tuple[int, ...] = ()) -> OneForAll:
        """Return the result of a code that refuses a whole call."""
        return OneForAll(self.result(code, delay_seconds), wrong, str(code) in self.blame_no_message)
