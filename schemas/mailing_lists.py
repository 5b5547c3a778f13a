"""Name of a mailing list, as a request and a suppression have it."""

from typing import Annotated

from schemas.text_patterns import text_pattern

LIST_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Characters of the name of a mailing list, such as `weekly.news`. Its case counts."""

MailingList = Annotated[
    str,
    text_pattern(f"^{LIST_NAME}$", "must have 1 to 64 letters, digits and . _ - and begin with a letter or digit"),
]
