"""Names and bounds of unsubscribe links, which the consumer makes and the producer reads. Pure."""

from schemas.statuses import Category
from schemas.suppressions import CATEGORY_SCOPE, LIST_SCOPE

VARIABLE = "unsubscribe_url"
"""Name of the variable whose value is the link of the recipient, unless the caller gives another value."""
PATH = "/communication/unsubscribe/"
"""Beginning of the path of each link, behind the public URL of the producer."""
MAX_TOKEN = 700
"""Maximum length of the last part of a link, in characters. The longest address and list need some 600."""
LINK_LENGTH = 220
"""Length of a usual link in characters, for estimates."""


def scope_of(mailing_list: str | None) -> str:
    """Return the scope of an opt-out: the mailing list of the request, or else all marketing.

    So the link of a transactional message stops no login code.
    """
    return f"{LIST_SCOPE}{mailing_list}" if mailing_list else f"{CATEGORY_SCOPE}{Category.MARKETING}"
