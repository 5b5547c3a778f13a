"""From the bytes of a body to records ready to publish, or a refusal that names the field. No I/O.

A large body is worked on piece by piece, and between two pieces the event loop turns.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import FailFast, TypeAdapter, ValidationError

from core.address_text import has_control
from core.intake import IntakeError, IntakePart, PartFilling, choose_lane, recipient_json, request_head
from core.render import Template, TemplateError, compile_html, compile_subject, compile_text
from core.render_html import is_html
from producer.auth import SEND_AS, Caller
from producer.errors import BadRequestError, ForbiddenError, NotFoundError
from producer.pieces import PIECE_BYTES, cut
from producer.problems import check_unique, describe_problems, path_of
from producer.settings import ProducerSettings
from schemas.requests import AnyRecipient, BulkBody, Recipient, TenantId
from schemas.statuses import Channel, Lane

_Recipients = Annotated[list[AnyRecipient], FailFast()]
"""It stops at the first wrong one, since a million errors fill memory."""
_RECIPIENTS = TypeAdapter[list[AnyRecipient]](_Recipients)


class HttpBody(BulkBody):
    """The body as HTTP takes it."""

    recipients: _Recipients
    tenant_id: TenantId | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A request that was checked, and the records that carry it."""

    head: BulkBody
    """The body, of whose recipients only the first few are there: the records carry them all."""
    shown: tuple[Recipient, ...]
    """The recipients that the answer shows."""
    total: int
    content: Template
    tenant_id: str
    user_id: str
    request_id: str
    accepted_at: datetime
    parts: tuple[IntakePart, ...]
    lane: Lane


class Desk:
    """Where requests are taken; it knows the limits and the reply topics."""

    def __init__(self, settings: ProducerSettings, piece_bytes: int = PIECE_BYTES) -> None:
        self._settings = settings
        self._piece_bytes = piece_bytes
        topics = settings.topics
        self._own_topics = frozenset(spec.name for spec in topics.specs()) - {topics.results}

    async def take(self, raw: bytearray, caller: Caller, *, request_id: str, now: datetime, show: slice) -> Order:
        """Check a body and split it; raises BadRequestError, ForbiddenError, NotFoundError.

        `raw` is empty afterwards: a large body is not kept beside the records that carry it. `show` says which
        recipients are.
        """
        pieces = await cut(raw, HttpBody.model_fields, self._piece_bytes)
        body = _parsed(pieces.first)
        user_id = _user_of(body, caller)
        self._check_reply_topic(body)
        if body.template is not None:
            raise NotFoundError(f"template: there is no template {body.template}")
        texts = Texts(body)
        accepted_at = now.replace(microsecond=now.microsecond // 1000 * 1000)  # the ledger keeps milliseconds
        try:
            head = request_head(
                body, tenant_id=caller.tenant_id, user_id=user_id, request_id=request_id, accepted_at=accepted_at
            )
            roll = _Roll(texts, PartFilling(head), show, self._settings.max_recipients)
            roll.add(body.recipients)
            for piece in pieces.rest(raw):
                await asyncio.sleep(0)
                roll.add(_recipients(piece, roll.total))
            parts = roll.finish()
        except IntakeError as error:
            raise BadRequestError(str(error)) from None
        raw.clear()
        lane = choose_lane(parts[0], self._settings.chunk_size)
        shown = tuple(roll.shown)
        return Order(
            body, shown, roll.total, texts.content, caller.tenant_id, user_id, request_id, accepted_at, parts, lane
        )

    def _check_reply_topic(self, body: BulkBody) -> None:
        topic = body.reply_topic
        allowed = (self._settings.topics.results, *self._settings.reply_topics)
        if topic is None:
            return
        # A pattern as wide as `*` does not open rollcall's own topics: results would come back as requests.
        if topic in self._own_topics or not any(fnmatchcase(topic, pattern) for pattern in allowed):
            raise BadRequestError("reply_topic: is not one of the allowed reply topics")


class _Roll:
    """The recipients of a request, taken a few at a time."""

    def __init__(self, texts: "Texts", filling: PartFilling, show: slice, most: int) -> None:
        self._texts = texts
        self._filling = filling
        self._show = show
        self._most = most
        self._parts: list[IntakePart] = []
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
            self._parts += self._filling.add(recipient_json(recipient))

    def finish(self) -> tuple[IntakePart, ...]:
        """The parts that carry them all."""
        return (*self._parts, self._filling.finish())


def _parsed(first: bytes) -> HttpBody:
    try:
        body = HttpBody.model_validate_json(first)
    except ValidationError as error:
        raise BadRequestError(describe_problems(error)) from None
    check_unique(first)
    return body


def _recipients(piece: bytes, first: int) -> list[AnyRecipient]:
    """Some recipients, the first of which is the body's number `first`."""
    try:
        found = _RECIPIENTS.validate_json(piece)
    except ValidationError as error:
        raise BadRequestError(describe_problems(error, first)) from None
    check_unique(piece)
    return found


def _user_of(body: HttpBody, caller: Caller) -> str:
    """Whom the request is for; another user than the token's needs a scope of its own, and no scope opens a tenant."""
    if body.tenant_id not in {None, caller.tenant_id}:
        raise ForbiddenError("tenant_id: is not the token's tenant")
    if body.user_id is None or body.user_id == caller.user_id:
        return caller.user_id
    if not caller.may(SEND_AS):
        raise ForbiddenError(f"user_id: is another user's, which needs the scope {SEND_AS}", scope=SEND_AS)
    return body.user_id


class Texts:
    """What the content and the subject say; refuses a subject that would write headers, and what is no template."""

    def __init__(self, body: BulkBody) -> None:
        # An SMS has no subject. One that looks like an attack is refused all the same.
        if body.subject and has_control(body.subject):
            raise BadRequestError("subject: holds a line break or another control character")
        html = body.channel is Channel.EMAIL and is_html(body.content)
        self.content = _compiled("content", compile_html if html else compile_text, body.content)
        named = {"content": self.content}
        if body.channel is Channel.EMAIL and body.subject:
            named["subject"] = _compiled("subject", compile_subject, body.subject)
        self._variables = body.variables
        self._lacking = {field: template for field, template in named.items() if template.missing({}, body.variables)}

    def check(self, recipients: Sequence[AnyRecipient], first: int) -> None:
        """Refuse a variable that nobody gave; the first of these recipients is the request's number `first`."""
        for field, template in self._lacking.items():
            for number, recipient in enumerate(recipients, first):
                own = {} if isinstance(recipient, str) else recipient.variables
                missing = template.missing(own, self._variables)
                if missing:
                    path = path_of(("recipients", number, "variables", missing[0]))
                    raise BadRequestError(f"{path}: is named in {field} and given neither here nor in variables")


def _compiled(field: str, how: Callable[[str], Template], text: str) -> Template:
    try:
        return how(text)
    except TemplateError as error:
        raise BadRequestError(f"{field}: {error}") from None
