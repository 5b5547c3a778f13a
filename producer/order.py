"""From the bytes of a body to records ready to publish, or a refusal that names the field. Pure: no I/O, no waiting."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, TypeVar

from pydantic import AfterValidator, FailFast, Field, ValidationError, create_model

from core.address_text import has_control
from core.intake import IntakeError, IntakePart, choose_lane, encode_parts, recipient_json, request_head
from core.render import Template, TemplateError, compile_html, compile_subject, compile_text
from core.render_html import is_html
from producer.auth import SEND_AS, Caller
from producer.errors import BadRequestError, ForbiddenError, NotFoundError
from producer.problems import describe_problems, path_of
from producer.settings import ProducerSettings
from schemas.requests import AnyRecipient, BulkBody, Recipient
from schemas.statuses import Channel, Lane

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Order:
    """A request that was checked, and the records that carry it."""

    head: BulkBody
    """The body without its recipients: a hundred thousand of them are not kept beside the records that carry them."""
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


def body_type(max_recipients: int) -> type[BulkBody]:
    """BulkBody with a limit on its recipients; it stops at the first wrong one, since a million errors fill memory."""
    # The validator that does nothing is a call into Python, and so a place where the thread that validates a large body
    # lets the event loop run: without it 15 MB of recipients stop everything for 0.6 s, with it for 0.1 s at most.
    item = Annotated[AnyRecipient, AfterValidator(_unchanged)]
    limited = Annotated[list[item], Field(max_length=max_recipients), FailFast()]
    return create_model("BulkBody", __base__=BulkBody, recipients=(limited, ...))


class Desk:
    """Where requests are taken; it knows the limits and the reply topics."""

    def __init__(self, settings: ProducerSettings) -> None:
        self._settings = settings
        topics = settings.topics
        self._own_topics = frozenset(spec.name for spec in topics.specs()) - {topics.results}
        self._body_type = body_type(settings.max_recipients)

    def take(self, raw: bytearray, caller: Caller, *, request_id: str, now: datetime, show: slice) -> Order:
        """Check a body and split it; raises BadRequestError, ForbiddenError, NotFoundError.

        `raw` is empty afterwards, so that a large body is not held twice. `show` says which recipients are kept.
        """
        body = self._parse(raw)
        raw.clear()
        user_id = _user_of(body, caller)
        self._check_reply_topic(body)
        if body.template is not None:
            raise NotFoundError(f"template: there is no template {body.template}")
        content = check_texts(body)
        accepted_at = now.replace(microsecond=now.microsecond // 1000 * 1000)  # the ledger keeps milliseconds
        try:
            head = request_head(
                body, tenant_id=caller.tenant_id, user_id=user_id, request_id=request_id, accepted_at=accepted_at
            )
            shown = tuple(Recipient(to=one) if isinstance(one, str) else one for one in body.recipients[show])
            total = len(body.recipients)
            parts = tuple(encode_parts(head, map(recipient_json, _used_up(body.recipients))))
        except IntakeError as error:
            raise BadRequestError(str(error)) from None
        lane = choose_lane(parts[0], self._settings.chunk_size)
        return Order(body, shown, total, content, caller.tenant_id, user_id, request_id, accepted_at, parts, lane)

    def _parse(self, raw: bytearray) -> BulkBody:
        try:
            return self._body_type.model_validate_json(raw)
        except ValidationError as error:
            raise BadRequestError(describe_problems(error)) from None

    def _check_reply_topic(self, body: BulkBody) -> None:
        topic = body.reply_topic
        allowed = (self._settings.topics.results, *self._settings.reply_topics)
        if topic is None:
            return
        # A pattern as wide as `*` does not open rollcall's own topics: results would come back as requests.
        if topic in self._own_topics or not any(fnmatchcase(topic, pattern) for pattern in allowed):
            raise BadRequestError("reply_topic: is not one of the allowed reply topics")


def _user_of(body: BulkBody, caller: Caller) -> str:
    """Whom the request is for; another user than the token's needs a scope of its own."""
    if body.user_id is None or body.user_id == caller.user_id:
        return caller.user_id
    if not caller.may(SEND_AS):
        raise ForbiddenError(f"user_id: is another user's, which needs the scope {SEND_AS}", scope=SEND_AS)
    return body.user_id


def check_texts(body: BulkBody) -> Template:
    """The content's template; refuses a subject that would write headers, no template, and a variable nobody gave."""
    # An SMS has no subject. One that looks like an attack is refused all the same.
    if body.subject and has_control(body.subject):
        raise BadRequestError("subject: holds a line break or another control character")
    html = body.channel is Channel.EMAIL and is_html(body.content)
    templates = {"content": _compiled("content", compile_html if html else compile_text, body.content)}
    if body.channel is Channel.EMAIL and body.subject:
        templates["subject"] = _compiled("subject", compile_subject, body.subject)
    for field, template in templates.items():
        if not template.missing({}, body.variables):
            continue
        for number, recipient in enumerate(body.recipients):
            own = {} if isinstance(recipient, str) else recipient.variables
            missing = template.missing(own, body.variables)
            if missing:
                path = path_of(("recipients", number, "variables", missing[0]))
                raise BadRequestError(f"{path}: is named in {field} and given neither here nor in variables")
    return templates["content"]


def _compiled(field: str, how: Callable[[str], Template], text: str) -> Template:
    try:
        return how(text)
    except TemplateError as error:
        raise BadRequestError(f"{field}: {error}") from None


def _used_up(items: list[T]) -> Iterator[T]:
    """The items in order, each let go of once it is used: freeing all at once would stop every thread."""
    items.reverse()
    while items:
        yield items.pop()


def _unchanged(value: AnyRecipient) -> AnyRecipient:
    return value
