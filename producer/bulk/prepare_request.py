"""From the bytes of a body to records ready to publish, or a refusal that names the field.

A large body is worked on piece by piece, and between two pieces the event loop turns.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core import reply_topics
from core.render import Template
from core.request_parts import (
    EncodedPart,
    PartEncoder,
    RequestEncodingError,
    choose_lane,
    recipient_json,
    request_fields,
)
from ledger.models import StoredTemplate
from producer.auth.token_verifier import SEND_AS, Principal
from producer.bulk.body_pieces import PIECE_BYTES, split_body
from producer.bulk.check_content import ContentChecker
from producer.bulk.fingerprint import Fingerprint
from producer.bulk.unknown_fields import check_names
from producer.errors import BadRequestError, ForbiddenError
from producer.http.body_errors import check_unique, describe_problems
from producer.settings import ProducerSettings
from schemas.bulk_body import BulkSendRequest, Recipients
from schemas.requests import AnyRecipient, BulkBody, Recipient, too_far_ahead
from schemas.statuses import Lane

_RECIPIENTS = TypeAdapter[list[AnyRecipient]](Recipients)


@dataclass(frozen=True, slots=True)
class AcceptanceTerms:
    """What the body does not say."""

    caller: Principal
    request_id: str
    accepted_at: datetime
    find_template: Callable[[str], Awaitable[StoredTemplate]]
    """The template of a code; raises NotFoundError, UnavailableError."""
    keyed: bool = False
    """Whether the order must be told from others under its key."""


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request that was checked, and the records that carry it."""

    head: BulkBody
    """The body, of whose recipients only the first few are there: the records carry them all."""
    shown: tuple[Recipient, ...]
    """The recipients that the answer shows."""
    total: int
    content: Template
    template: StoredTemplate | None
    tenant_id: str
    user_id: str
    request_id: str
    accepted_at: datetime
    parts: tuple[EncodedPart, ...]
    lane: Lane
    fingerprint: bytes
    """Of what was asked for, where the terms want it."""

    @property
    def template_version(self) -> int | None:
        """The version of its template."""
        return self.template.version if self.template else None


class RequestPreparer:
    """Where requests are taken; it knows the limits and the reply topics."""

    def __init__(self, settings: ProducerSettings, piece_bytes: int = PIECE_BYTES) -> None:
        self._settings = settings
        self._piece_bytes = piece_bytes

    async def prepare(self, raw: bytearray, terms: AcceptanceTerms, show: slice) -> PreparedRequest:
        """Check a body and split it; raises RefusalError. `show` says which recipients are kept."""
        pieces = await split_body(raw, BulkSendRequest.model_fields, self._piece_bytes)
        body = _parsed(pieces.first)
        user_id = _user_of(body, terms.caller)
        self._check_reply_topic(body)
        check_times(body, terms.accepted_at)
        template = await terms.find_template(body.template) if body.template is not None else None
        texts = ContentChecker(body, template)
        try:
            head = _head(body, user_id, terms, template)
            fingerprint = Fingerprint(head) if terms.keyed else None
            roll = _RecipientCollector(texts, PartEncoder(head), fingerprint, show, self._settings.max_recipients)
            roll.add(body.recipients)
            for piece in pieces.rest(raw):
                await asyncio.sleep(0)
                roll.add(_recipients(piece, roll.total))
            parts = roll.finish()
        except RequestEncodingError as error:
            raise BadRequestError(str(error)) from None
        return PreparedRequest(
            head=body,
            shown=tuple(roll.shown),
            total=roll.total,
            content=texts.content,
            template=template,
            tenant_id=terms.caller.tenant_id,
            user_id=user_id,
            request_id=terms.request_id,
            accepted_at=terms.accepted_at,
            parts=parts,
            lane=choose_lane(parts[0], self._settings.chunk_size),
            fingerprint=fingerprint.digest() if fingerprint else b"",
        )

    def _check_reply_topic(self, body: BulkBody) -> None:
        topic, settings = body.reply_topic, self._settings
        if topic is not None and not reply_topics.allowed(topic, settings.reply_topics, settings.topics):
            raise BadRequestError("reply_topic: is not one of the allowed reply topics")


class _RecipientCollector:
    """The recipients of a request, taken a few at a time."""

    def __init__(
        self, texts: ContentChecker, filling: PartEncoder, fingerprint: Fingerprint | None, show: slice, most: int
    ) -> None:
        self._texts = texts
        self._filling = filling
        self._fingerprint = fingerprint
        self._show = show
        self._most = most
        self._parts: list[EncodedPart] = []
        self.total = 0
        self.shown: list[Recipient] = []

    def add(self, recipients: Sequence[AnyRecipient]) -> None:
        """Take some more; raises BadRequestError, IntakeError."""
        first = self.total
        self.total += len(recipients)
        if self.total > self._most:
            raise BadRequestError(f"recipients: are more than {self._most}; split them, or use `rollcall send`")
        self._texts.check(recipients, first)
        shown = recipients[max(self._show.start - first, 0) : max(self._show.stop - first, 0)]
        self.shown += [Recipient(to=one) if isinstance(one, str) else one for one in shown]
        for recipient in recipients:
            said = recipient_json(recipient)
            self._parts += self._filling.add(said)
            if self._fingerprint:
                self._fingerprint.add(said)

    def finish(self) -> tuple[EncodedPart, ...]:
        """The parts that carry them all."""
        return (*self._parts, self._filling.finish())


def _parsed(first: bytes) -> BulkSendRequest:
    check_names(first)
    try:
        body = BulkSendRequest.model_validate_json(first)
    except ValidationError as error:
        raise BadRequestError(describe_problems(error)) from None
    check_unique(first)
    return body


def _recipients(piece: bytes, first: int) -> list[AnyRecipient]:
    """Some recipients, the first of which is the body's number `first`."""
    check_names(piece, first)
    try:
        found = _RECIPIENTS.validate_json(piece)
    except ValidationError as error:
        raise BadRequestError(describe_problems(error, first)) from None
    # A name that was there twice, and dropped, would have left its quotes. Only a backslash could hide some.
    if b"\\" in piece or piece.count(b'"') != 2 * sum(map(_texts_in, found)):
        check_unique(piece)
    return found


def _texts_in(recipient: AnyRecipient) -> int:
    """How many strings its JSON has, names included."""
    if isinstance(recipient, str):
        return 1
    reference = recipient.reference is not None
    return len(recipient.model_fields_set) + 1 + reference + 2 * len(recipient.variables)


def _head(
    body: BulkSendRequest, user_id: str, terms: AcceptanceTerms, template: StoredTemplate | None
) -> dict[str, Any]:
    """What all records of the request say."""
    head = request_fields(
        body,
        tenant_id=terms.caller.tenant_id,
        user_id=user_id,
        request_id=terms.request_id,
        accepted_at=terms.accepted_at,
    )
    return {**head, "template_version": template.version} if template else head


def check_times(body: BulkBody, accepted_at: datetime) -> None:
    """Refuse times that cannot be meant: too far ahead, or over before anything was sent."""
    if body.expires_at and body.expires_at <= accepted_at:
        raise BadRequestError("expires_at: has passed")
    if found := too_far_ahead(body, accepted_at):
        raise BadRequestError(": ".join(found))


def _user_of(body: BulkSendRequest, caller: Principal) -> str:
    """Whom the request is for; another user than the token's needs a scope of its own, and no scope opens a tenant."""
    if body.tenant_id not in {None, caller.tenant_id}:
        raise ForbiddenError("tenant_id: is not the token's tenant")
    if body.user_id is None or body.user_id == caller.user_id:
        return caller.user_id
    if not caller.may(SEND_AS):
        raise ForbiddenError(f"user_id: is another user's, which needs the scope {SEND_AS}", scope=SEND_AS)
    return body.user_id
