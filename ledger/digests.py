"""Keyed digests of a request body. They tell apart two requests with the same id, and ignore the JSON formatting."""

import orjson

from ledger.sealing import Sealer
from schemas.requests import BulkRequest, RecipientFields

_PER_PART = frozenset({"recipients", "part", "last", "accepted_at", "template_version", "schema_version"})
"""Fields that may differ between the parts of one request, and between repeats of one part."""

_OMITTED_IF_ABSENT = (
    "resend_of",
    "content_type",
    "region",
    "secret_variables",
    "keep_secret_variables",
    "reply_to",
    "cc",
    "provider",
    "budget",
    "list",
)
"""Fields that were added after the first version. An absent field is left out of the digest.

Otherwise a record that is read again after an upgrade would conflict with its own request.
"""


def request_digests(sealer: Sealer, request: BulkRequest, key_id: str) -> tuple[bytes, bytes]:
    """Return the digest of the shared fields and the digest of this whole part. Raise SealingError without the key."""
    shared = request.model_dump(mode="json", exclude=set(_PER_PART))
    for name in _OMITTED_IF_ABSENT:
        if shared[name] is None:
            del shared[name]
    recipients = [to if isinstance(to, str) else _recipient_fields(to) for to in request.recipients]
    whole = {**shared, "part": request.part, "last": request.last, "recipients": recipients}
    return _digest(sealer, shared, key_id), _digest(sealer, whole, key_id)


def _recipient_fields(to: RecipientFields) -> tuple[object, ...]:
    fields = (to.to, to.variables, to.reference)
    if to.timezone is not None:
        return (*fields, to.resend_of, to.region, to.timezone)
    if to.region is not None:
        return (*fields, to.resend_of, to.region)
    return fields if to.resend_of is None else (*fields, to.resend_of)


def _digest(sealer: Sealer, fields: object, key_id: str) -> bytes:
    return sealer.hash(orjson.dumps(fields, option=orjson.OPT_SORT_KEYS), key_id)
