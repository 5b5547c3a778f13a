"""Messages and logs of one chunk. The values that all its deliveries share are read from the request once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from config.turn_budget import LIGHT
from consumer.billing.costs import ChunkCosts
from consumer.billing.segments import RenderedSegments
from consumer.context import ConsumerContext
from consumer.deliver.window_outcomes import FinalOutcome
from consumer.request_cache import OpenedRequest
from consumer.tenants.unsubscribe_links import UnsubscribeLinks
from core.chunk_work import DecidedDelivery
from core.delivery_outcome import Outcome
from core.ids import LogId, log_ids
from core.send_result import Message
from ledger.chunk_recipients import ChunkRecipient
from ledger.message_ids import stored_message_id
from ledger.models import Chunk, Log
from ledger.sealing import HASH_BYTES
from providers.draft import Draft
from schemas.statuses import Channel, Status

MAIL_WEIGHT = LIGHT // 8
"""Least weight of an e-mail, in characters. Its headers take as long as a text of this length."""


class DeliveryFactory:
    """Builds the messages and the logs of a chunk."""

    def __init__(
        self,
        chunk: Chunk,
        opened: OpenedRequest,
        recipients: Sequence[ChunkRecipient],
        context: ConsumerContext,
        links: UnsubscribeLinks | None = None,
    ) -> None:
        self._budget = context.turn_budget
        self._least_weight = MAIL_WEIGHT if chunk.channel is Channel.EMAIL else 0
        self._chunk, self._header, self._template, self._recipients = chunk, opened.header, opened.template, recipients
        self._shared, self._links = opened.shared, links
        self._sealer, self._limit = context.sealer, context.tuning.text_limits.of(chunk.channel)
        self._ids = log_ids(chunk.key, chunk.part, range(chunk.first, chunk.first + chunk.size))
        self._references = chunk.references or (None,) * chunk.size
        self._resend_of = chunk.resend_of or (None,) * chunk.size
        is_sms, prices = chunk.channel is Channel.SMS, context.providers.prices
        self._segments = RenderedSegments(opened.template, self._variables_of, self._limit) if is_sms else None
        self.costs: ChunkCosts | None = None
        """Costs of the deliveries. None for e-mail, and without prices."""
        if self._segments and prices:
            self.costs = ChunkCosts(self._segments, chunk, opened, recipients, prices)

    def address_of(self, index: int) -> str:
        """Return the address of a delivery, or an empty string if the chunk could not be opened."""
        at = index - self._chunk.first
        return self._recipients[at][0] if self._recipients else ""

    def id_of(self, index: int) -> LogId:
        """Return the log id of a delivery."""
        return self._ids[index - self._chunk.first]

    def timezone_of(self, index: int) -> str | None:
        """Return the time zone that the request gave for a recipient."""
        return self._recipients[index - self._chunk.first].timezone if self._recipients else None

    def draft(self, index: int) -> Draft:
        """Return the delivery, to be rendered when a provider has a slot for it."""
        at, template = index - self._chunk.first, self._template
        weight, size = template.measure.of(self._recipients[at][1]) if template else (0, 0)
        render, weight = partial(self.message, index), max(weight, self._least_weight)
        draft = Draft(self._ids[at], render, weight, self._budget, size)
        draft.lane = self._chunk.lane
        return draft

    def message(self, index: int) -> Message:
        """Return the rendered message. Raise core.render.RenderError if that is impossible."""
        at, template = index - self._chunk.first, self._template
        if template is None:
            raise AssertionError("a chunk that cannot be opened is stopped")
        to, variables, link = self._recipient(at)
        text = template.render_content(variables, self._limit)
        if self._segments:
            self._segments.record(at, text)
        return Message(
            id=self._ids[at],
            channel=self._header.channel,
            to=to,
            text=text,
            subject=template.render_subject(variables),
            is_html=template.html,
            text_part=template.content.text_part,
            reference=self._references[at],
            tenant_id=self._header.tenant_id,
            secrets=template.secrets_of(variables) if template.secret_variables else (),
            reply_to=template.addresses.reply_to,
            cc=template.addresses.cc_besides(to),
            category=self._header.category,
            variables=variables,
            request_variables=template.variables,
            content_type=self._header.content_type,
            vendor_templates=self._header.vendor_templates,
            shared=self._shared,
            unsubscribe_url=link,
        )

    def _recipient(self, at: int) -> tuple[str, Mapping[str, str], str | None]:
        """Return address and variables of a recipient, and the unsubscribe link for the header."""
        to, variables, _ = self._recipients[at]
        return (to, variables, None) if self._links is None else (to, *self._links.add(self._ids[at], to, variables))

    def _variables_of(self, at: int) -> Mapping[str, str]:
        return self._recipient(at)[1]

    def log_of_decision(self, decided: DecidedDelivery, now: datetime) -> Log:
        """Return the log of an outcome that was decided earlier and stored in the chunk."""
        outcome = Outcome(decided.status, decided.reason, decided.error)
        return self.log_of_outcome(FinalOutcome(decided.index, outcome, decided.attempts, decided.provider), now)

    def log_of_outcome(self, final: FinalOutcome, now: datetime) -> Log:
        """Return the log of an outcome. The fields are passed by position, because by name it takes twice as long."""
        chunk, header = self._chunk, self._header
        index, outcome, attempts, provider, paid = final
        at = index - chunk.first
        status, reason, error, message_id, response = outcome
        encoding, segments = (self._segments and self._segments.recorded(at, attempts)) or (None, None)
        cost = self.costs.take(index, status, provider, paid=paid) if self.costs else None
        return Log(
            self._ids[at],
            header.tenant_id,
            header.user_id,
            header.request_id,
            header.channel,
            chunk.masked[at],
            chunk.hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES],
            self._references[at],
            status,
            status,
            reason,
            provider,
            stored_message_id(message_id, self._sealer),
            response,
            error,
            header.template_id,
            attempts,
            header.accepted_at,
            now,
            now if status is Status.SENT else None,
            self._resend_of[at],
            None,
            None,
            encoding,
            segments,
            cost,
        )
