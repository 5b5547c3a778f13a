"""Fields that are none, found before a recipient of megabytes is checked: an error for each would fill the memory."""

import json
from collections.abc import Iterable

from producer.bulk.body_pieces import PIECE_BYTES
from producer.errors import BadRequestError
from schemas.requests import Recipient
from schemas.validation_errors import path_of

_SMALL = 2 * PIECE_BYTES
"""What is not larger cannot hold many."""


def check_names(text: bytes, first: int | None = None) -> None:
    """Refuse the first field that a recipient does not have.

    The text is a body, or with `first` its recipients from that number on. What is no JSON is left to others.
    """
    if len(text) <= _SMALL:
        return
    try:
        said = json.loads(text)
    except ValueError:
        return
    recipients = said.get("recipients") if isinstance(said, dict) else said
    if isinstance(recipients, list):
        _check(recipients, first or 0)


def _check(recipients: Iterable[object], first: int) -> None:
    for number, recipient in enumerate(recipients, first):
        for name in recipient if isinstance(recipient, dict) else ():
            if name not in Recipient.model_fields:
                raise BadRequestError(f"{path_of(('recipients', number, name))}: is not a field of this body")
