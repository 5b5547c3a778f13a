"""Search for unknown fields before a large recipient is validated: an error for each field would fill the memory."""

import json
from collections.abc import Iterable

from producer.bulk.body_pieces import PIECE_BYTES
from producer.errors import BadRequestError
from schemas.requests import Recipient
from schemas.validation_errors import path_of

_SMALL_BYTES = 2 * PIECE_BYTES
"""Size in bytes up to which a text cannot hold many unknown fields."""


def check_names(text: bytes, first: int | None = None) -> None:
    """Raise BadRequestError for the first field that a recipient does not have.

    The text is a body, or with `first` its recipients from that position on. Text that is not JSON passes here.
    """
    if len(text) <= _SMALL_BYTES:
        return
    try:
        document = json.loads(text)
    except ValueError:
        return
    recipients = document.get("recipients") if isinstance(document, dict) else document
    if isinstance(recipients, list):
        _check(recipients, first or 0)


def _check(recipients: Iterable[object], first: int) -> None:
    for position, recipient in enumerate(recipients, first):
        for name in recipient if isinstance(recipient, dict) else ():
            if name not in Recipient.model_fields:
                raise BadRequestError(f"{path_of(('recipients', position, name))}: is not a field of this body")
