"""Name of a mailing list, as a request and a suppression have it."""

from typing import Annotated

from pydantic import StringConstraints

LIST_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Characters of the name of a mailing list, such as `weekly.news`. Its case counts."""

MailingList = Annotated[str, StringConstraints(pattern=f"^{LIST_NAME}$")]
