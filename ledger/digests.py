"""What tells one request from another under the same id: keyed digests of its body, however its JSON was written."""

import orjson

from ledger.sealing import Sealer
from schemas.requests import BulkRequest, IntakeRecipient

_PER_PART = frozenset({"recipients", "part", "last", "accepted_at", "template_version", "schema_version"})
"""What may differ between the parts of one request, and between repeats of one part."""

_OMITTED_IF_ABSENT = ("resend_of",)
"""Fields that came after the first version. While one is absent it is in no digest: else a record that is read again
after an upgrade would conflict with its own request."""


def request_digests(sealer: Sealer, request: BulkRequest, key_id: str) -> tuple[bytes, bytes]:
    """Of what all parts share, and of the whole of this part; raises SealingError without the key."""
    shared = request.model_dump(mode="json", exclude=set(_PER_PART))
    for name in _OMITTED_IF_ABSENT:
        if shared[name] is None:
            del shared[name]
    recipients = [to if isinstance(to, str) else _said_of(to) for to in request.recipients]
    whole = {**shared, "part": request.part, "last": request.last, "recipients": recipients}
    return _digest(sealer, shared, key_id), _digest(sealer, whole, key_id)


def _said_of(to: IntakeRecipient) -> tuple[object, ...]:
    said = (to.to, to.variables, to.reference)
    return said if to.resend_of is None else (*said, to.resend_of)


def _digest(sealer: Sealer, said: object, key_id: str) -> bytes:
    return sealer.hash(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), key_id)
