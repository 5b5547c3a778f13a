"""Unsubscribe links of the deliveries of one request."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from consumer.context import ConsumerContext
from consumer.request_cache import OpenedRequest
from core.unsubscribe import PATH, VARIABLE
from core.variable_names import Variables
from ledger.models import RequestHeader
from ledger.tenant_key import get_or_create_key, open_tenant_key
from ledger.tenant_port import StoredTenantKey
from ledger.unsubscribe_links import Link, LinkKey, day_of
from schemas.statuses import Category, Channel

_LOCALE = "locale"
"""Name of the variable with the language of a recipient, such as `de` or `pt-BR`."""
_LANGUAGE = re.compile(r"([A-Za-z]{2})(?:[_-][A-Za-z0-9_-]{1,30})?")


class UnsubscribeLinks:
    """Links of one request, for the header or for the text of each message."""

    def __init__(
        self, base: str, key: LinkKey, opened: OpenedRequest, now: Callable[[], datetime], *, in_header: bool
    ) -> None:
        self._base, self._key, self._header, self._now = f"{base}{PATH}", key, opened.header, now
        self._in_header = in_header
        template = opened.template
        self._in_text = template is not None and template.needs_link
        self._defaults: Mapping[str, str] = template.variables if template else {}

    def add(self, log_id: str, address: str, variables: Mapping[str, str]) -> tuple[Mapping[str, str], str | None]:
        """Return the variables of a recipient with those of the link, and the link for the header.

        A value of the recipient goes before the link. The link is None if the message has none in its header.
        """
        in_text = self._in_text and VARIABLE not in variables
        if not (in_text or self._in_header):
            return variables, None
        link = self._link(log_id, address, variables)
        return {**variables, VARIABLE: link} if in_text else variables, link if self._in_header else None

    def _link(self, log_id: str, address: str, variables: Mapping[str, str]) -> str:
        header = self._header
        found = _LANGUAGE.fullmatch(Variables(variables, self._defaults).get(_LOCALE) or "")
        language = found[1].lower() if found else None
        content = Link(header.channel, address, header.mailing_list, language, day_of(self._now()), log_id)
        return self._base + self._key.token(content)


async def find_links(opened: OpenedRequest, context: ConsumerContext) -> UnsubscribeLinks | None:
    """Return the links of a request, or None if its messages have none. Raise SealingError without the tenant's key.

    The first link of a tenant creates its key. All other requests cost nothing here.
    """
    base, header = context.tuning.public_url, opened.header
    in_header = header.channel is Channel.EMAIL and header.category is Category.MARKETING
    if base is None or opened.template is None or not (in_header or opened.template.needs_link):
        return None
    key = open_tenant_key(await _stored_key(header, context), header.tenant_id, context.sealer)
    return UnsubscribeLinks(base, LinkKey(key), opened, context.ledger.now, in_header=in_header)


async def _stored_key(header: RequestHeader, context: ConsumerContext) -> StoredTenantKey:
    known = context.tenants.known(header.tenant_id)
    if known is not None and known.key is not None:  # It never changes.
        return known.key
    ledger = context.ledger
    return await context.retry_until_available(
        "key of a tenant", get_or_create_key, ledger.tenants, header.tenant_id, context.sealer, ledger.now()
    )
