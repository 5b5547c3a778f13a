"""Preparation of a request: the bytes of a body become records, or an error that names the field.

A large body is processed piece by piece. The event loop turns between two pieces.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from config.turn_budget import TurnBudget
from core.allowed_reply_topics import is_allowed
from core.request_parts import (
    EncodedPart,
    PartEncoder,
    RequestEncodingError,
    choose_lane,
    recipient_json,
    request_fields,
)
from core.text_limits import TextLimits
from ledger.marketing_policy import applies_to
from ledger.message_template import MessageTemplate
from ledger.stored_template import StoredTemplate
from producer.auth.token_verifier import SEND_AS, Principal
from producer.bulk.body_pieces import PIECE_BYTES, split_body
from producer.bulk.check_content import ContentChecker, check_mail_addresses, check_times
from producer.bulk.fingerprint import Fingerprint
from producer.bulk.parse_pieces import parse_first_piece, parse_recipients
from producer.errors import BadRequestError, ForbiddenError
from producer.settings import ProducerSettings
from schemas.amounts import NO_PRICES
from schemas.bulk_body import BODY_FIELDS, BulkSendRequest
from schemas.requests import AnyRecipient, BulkBody, Recipient
from schemas.statuses import Channel, Lane
from schemas.tenant_settings import MarketingPolicy


@dataclass(frozen=True, slots=True)
class AcceptanceContext:
    """Everything that is needed to prepare a request and is not in its body."""

    principal: Principal
    request_id: str
    accepted_at: datetime
    find_template: Callable[[str], Awaitable[StoredTemplate]]
    """Returns the template with a code. Raises NotFoundError, UnavailableError."""
    topic_exists: Callable[[str], Awaitable[bool | None]]
    """Returns whether a topic exists, or None if that is not known."""
    has_provider: Callable[[Channel, str], Awaitable[bool | None]]
    """Returns whether a channel has a provider with this name, or None if that is not known."""
    needs_fingerprint: bool = False
    """True if the request must be compared with others under its key."""
    is_lenient: bool = False
    """True if a recipient that lacks a variable is accepted. Its delivery will fail."""
    find_policy: Callable[[str | None], Awaitable[MarketingPolicy]] | None = None
    """Returns the rules for a marketing e-mail through a provider, as far as this service can check them."""


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request that was checked, and the records that carry it."""

    head: BulkBody
    """The body with only the first few of its recipients. The records carry all of them."""
    page_recipients: tuple[Recipient, ...]
    """The recipients on the page that the response shows."""
    total: int
    message: MessageTemplate
    """Text that the records carry."""
    template: StoredTemplate | None
    tenant_id: str
    user_id: str
    request_id: str
    accepted_at: datetime
    parts: tuple[EncodedPart, ...]
    lane: Lane
    fingerprint: bytes
    """Fingerprint of the request. Empty if the context does not need it."""

    @property
    def template_version(self) -> int | None:
        """Return the version of the request's template."""
        return self.template.version if self.template else None


class RequestPreparer:
    """Prepares requests within the configured limits and reply topics."""

    def __init__(
        self, settings: ProducerSettings, piece_bytes: int = PIECE_BYTES, budget: TurnBudget | None = None
    ) -> None:
        self._settings = settings
        self._budget = budget or TurnBudget()
        self._piece_bytes = piece_bytes
        self._text_limits = TextLimits(settings.max_sms_segments, settings.max_email_bytes)

    async def prepare(self, raw: bytearray, context: AcceptanceContext, page: slice) -> PreparedRequest:
        """Check a body and split it into records. `page` selects the recipients to keep. Raises ApiError."""
        await self._budget.wait()
        pieces = await split_body(raw, BODY_FIELDS, self._piece_bytes)
        body = parse_first_piece(pieces.first)
        user_id = _authorized_user(body, context.principal)
        await self._check_reply_topic(body, context)
        await self._check_provider(body, context)
        check_times(body, context.accepted_at)
        check_mail_addresses(body)
        template = await context.find_template(body.template) if body.template is not None else None
        checker = await self._check_content(body, template, context)
        try:
            fields = _shared_fields(body, user_id, context, template)
            fingerprint = Fingerprint(fields) if context.needs_fingerprint else None
            limit = self._settings.max_recipients
            collector = _RecipientCollector(checker, PartEncoder(fields), fingerprint, page, limit)
            collector.add(body.recipients)
            for piece in pieces.rest(raw):
                await asyncio.sleep(0)
                await self._budget.wait()
                collector.add(parse_recipients(piece, collector.total))
            parts = collector.finish()
        except RequestEncodingError as error:
            raise BadRequestError(str(error)) from None
        return PreparedRequest(
            head=body,
            page_recipients=tuple(collector.page_recipients),
            total=collector.total,
            message=checker.message,
            template=template,
            tenant_id=context.principal.tenant_id,
            user_id=user_id,
            request_id=context.request_id,
            accepted_at=context.accepted_at,
            parts=parts,
            lane=choose_lane(parts[0], self._settings.chunk_size),
            fingerprint=fingerprint.digest() if fingerprint else b"",
        )

    async def _check_content(
        self, body: BulkBody, template: StoredTemplate | None, context: AcceptanceContext
    ) -> ContentChecker:
        is_marketing = applies_to(body.channel, body.category)
        check = partial(
            ContentChecker,
            body,
            template,
            self._text_limits,
            is_lenient=context.is_lenient,
            has_links=self._settings.public_url is not None,
            policy=await context.find_policy(body.provider) if context.find_policy and is_marketing else None,
        )
        # Many calls go on in the same turn, such as those that asked for the same reply topic.
        return await self._budget.run(check, len(template.content if template else body.content))

    async def _check_provider(self, body: BulkBody, context: AcceptanceContext) -> None:
        """Check what depends on the providers of the consumers: the name of one, and whether they have prices."""
        if body.provider is not None and await context.has_provider(body.channel, body.provider) is False:
            raise BadRequestError(f"provider: there is no provider of {body.channel} with this name")
        if body.budget is not None and self._settings.budget_currency is None:
            raise BadRequestError(f"budget: {NO_PRICES}")

    async def _check_reply_topic(self, body: BulkBody, context: AcceptanceContext) -> None:
        topic, settings = body.reply_topic, self._settings
        if topic is None or topic == settings.topics.results:
            return
        if not is_allowed(topic, settings.reply_topics, settings.topics):
            raise BadRequestError("reply_topic: is not one of the allowed reply topics")
        if await context.topic_exists(topic) is False:
            raise BadRequestError("reply_topic: does not exist. Create the topic first.")


class _RecipientCollector:
    """Checks the recipients of a request, a few at a time, and encodes them into parts."""

    def __init__(
        self,
        checker: ContentChecker,
        encoder: PartEncoder,
        fingerprint: Fingerprint | None,
        page: slice,
        max_recipients: int,
    ) -> None:
        self._checker = checker
        self._encoder = encoder
        self._fingerprint = fingerprint
        self._page = page
        self._max_recipients = max_recipients
        self._parts: list[EncodedPart] = []
        self.total = 0
        self.page_recipients: list[Recipient] = []

    def add(self, recipients: Sequence[AnyRecipient]) -> None:
        """Add recipients. Raises BadRequestError, RequestEncodingError."""
        first = self.total
        self.total += len(recipients)
        if self.total > self._max_recipients:
            raise BadRequestError(
                f"recipients: at most {self._max_recipients:,} are allowed in one call. "
                "Split the list or use `rollcall send`."
            )
        self._checker.check(recipients, first)
        on_page = recipients[max(self._page.start - first, 0) : max(self._page.stop - first, 0)]
        self.page_recipients += [
            Recipient(to=recipient) if isinstance(recipient, str) else recipient for recipient in on_page
        ]
        for recipient in recipients:
            encoded = recipient_json(recipient)
            self._parts += self._encoder.add(encoded)
            if self._fingerprint:
                self._fingerprint.add(encoded)

    def finish(self) -> tuple[EncodedPart, ...]:
        """Return the parts that carry all recipients."""
        return (*self._parts, self._encoder.finish())


def _shared_fields(
    body: BulkSendRequest, user_id: str, context: AcceptanceContext, template: StoredTemplate | None
) -> dict[str, Any]:
    """Return the fields that all records of the request share."""
    fields = request_fields(
        body,
        tenant_id=context.principal.tenant_id,
        user_id=user_id,
        request_id=context.request_id,
        accepted_at=context.accepted_at,
    )
    return {**fields, "template_version": template.version} if template else fields


def _authorized_user(body: BulkSendRequest, principal: Principal) -> str:
    """Return the user of the request. Raises ForbiddenError.

    Another user than the token's needs a scope of its own. No scope allows another tenant.
    """
    if body.tenant_id not in {None, principal.tenant_id}:
        raise ForbiddenError("tenant_id: is not the tenant of the token")
    if body.user_id is None or body.user_id == principal.user_id:
        return principal.user_id
    if not principal.may(SEND_AS):
        raise ForbiddenError(f"user_id: is not the user of the token. This needs the scope {SEND_AS}.", scope=SEND_AS)
    return body.user_id
