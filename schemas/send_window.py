"""Send window of a tenant, as its settings have it."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_TIME = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_WINDOW = re.compile(f"({_TIME})-({_TIME}|24:00)")


def parse_send_window(text: str) -> tuple[int, int]:
    """Return begin and end as minutes of the day. Raise ValueError if the text is not a window."""
    times = _WINDOW.fullmatch(text)
    begin, end = (int(each[:2]) * 60 + int(each[3:]) for each in times.groups()) if times else (0, 0)
    if begin == end:
        raise ValueError("must be two different times of the day, such as 09:00-20:00 or 22:00-06:00")
    return begin, end


def _checked(text: str) -> str:
    parse_send_window(text)
    return text


SendWindowText = Annotated[str, AfterValidator(_checked), Field(max_length=11)]
"""Begin and end of a send window, such as `09:00-20:00`, by the clock of the recipient. The end is excluded."""
