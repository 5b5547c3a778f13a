"""Message ids of vendors. They are kept as they are only in shapes that cannot be an address or a text (I9)."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from core.ids import position
from core.send_result import HiddenMessageId, Message

_PREFIX = r"(?:[A-Za-z]{1,8}[-_]?)?"
_NUMBERS = re.compile(rf"{_PREFIX}([0-9A-Fa-f]+(?:[-:.^][0-9A-Fa-f]+)*)")
"""Decimal or hexadecimal numbers, as in a UUID, `SM` and 32 digits, or `900619746936498440^0`."""
_ULID = re.compile(rf"{_PREFIX}[0-7][0-9A-HJKMNP-TV-Z]{{25}}")
_OTHER = re.compile(r"[\W_]+")
_NO_DIGITS = re.compile("[^0-9]+")
_BREAK = " "
"""Sign for everything in an id that is neither letter nor digit."""
_LONGEST = 200
_MIN_DIGITS = 16
"""Minimum number of digits in all. A phone number has at most 15 (ITU-T E.164), and a login code has fewer."""
_MIN_GROUP = 8
"""Minimum length of the longest number. Shorter ones alone could be words such as `dead-beef`."""
_SHOWN_DIGITS = 7
"""Number of digits at the end of a phone number that tell whose it is."""
_OWN_ID_LENGTH = 39
"""Length of a delivery id."""
_NO_ID = "\0"
"""Text that no message id ends with."""
_SHOWN_LETTERS = 5
"""Length from which the name in an e-mail address can be found in an id."""


def message_id_of(value: object, message: Message) -> str | HiddenMessageId | None:
    """Return the message id that a vendor answered, or None if it is no id.

    An id in another shape than those above is hidden, and so is one that shows the address, the text or a secret. A
    hidden id is stored as a keyed hash only.
    """
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        return None
    text = str(value)
    return text if _has_known_shape(text, message.id) and not _shows(text, message) else HiddenMessageId(text)


def message_id_of_receipt(text: str, recipient: str | None) -> str | HiddenMessageId:
    """Return the message id that a receipt names. It is hidden by the rules of `message_id_of`.

    The text of the message is not known here. An id that shows it was hidden when the message was sent.
    """
    own_id = text[-_OWN_ID_LENGTH:]
    if not _has_known_shape(text, own_id if position(own_id) else _NO_ID):
        return HiddenMessageId(text)
    to = recipient if recipient and "@" in recipient else _NO_DIGITS.sub("", recipient or "")
    return HiddenMessageId(text) if len(to) >= _SHOWN_DIGITS and _shows_address(text, to) else text


def _has_known_shape(text: str, delivery_id: str) -> bool:
    if len(text) > _LONGEST:
        return False
    if text.endswith(delivery_id) and re.fullmatch(_PREFIX, text.removesuffix(delivery_id)):
        return True  # a gateway that answers our own id
    if _ULID.fullmatch(text):
        return True
    numbers = _NUMBERS.fullmatch(text)
    groups = re.split(r"[-:.^]", numbers[1]) if numbers else [""]
    return sum(map(len, groups)) >= _MIN_DIGITS and max(map(len, groups)) >= _MIN_GROUP


def _shows(text: str, message: Message) -> bool:
    """Return whether the id contains what must not be stored.

    A secret of up to three characters may be part of an id by chance, so that only an equal id counts.
    """
    if any(secret == text or (len(secret) > 3 and secret in text) for secret in message.secrets):
        return True
    return bool(message.text and message.text in text) or _shows_address(text, message.to)


def _shows_address(text: str, to: str) -> bool:
    forms = list(_forms_of(text))
    if "@" not in to:
        return any(to[-_SHOWN_DIGITS:] in form for form in _forms_of_digits(forms))
    name = "".join(filter(str.isalnum, to.partition("@")[0])).lower()
    if len(name) < _SHOWN_LETTERS:
        return any(form.partition(_BREAK)[0] == name for form in forms)
    return any(name in form.replace(_BREAK, "") for form in forms)


def _forms_of(text: str) -> Iterator[str]:
    """Yield the letters and digits of an id: as they are, reversed, and as the text that hexadecimal digits encode."""
    numbers = _NUMBERS.fullmatch(text)
    digits = re.sub("[-:.^]", "", numbers[1]) if numbers else ""
    for form in (text, text[::-1], *(_decode(digits[begin:]) for begin in (0, 1))):
        yield _OTHER.sub(_BREAK, form.lower())
    yield str(int(digits or "0", 16))


def _decode(digits: str) -> str:
    return bytes.fromhex(digits[: len(digits) // 2 * 2]).decode("latin-1")


def _forms_of_digits(forms: Iterable[str]) -> Iterator[str]:
    """Yield the digits of each form, also with the digits of each pair exchanged, as in the protocol data of an SMS."""
    for form in forms:
        digits = _NO_DIGITS.sub("", form)
        yield digits
        if len(digits) >= _SHOWN_DIGITS:
            yield "".join(chain.from_iterable(zip(digits[1::2], digits[::2], strict=False)))
            yield "".join(chain.from_iterable(zip(digits[2::2], digits[1::2], strict=False)))
