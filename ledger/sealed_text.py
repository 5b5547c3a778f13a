"""Text of a request as it is stored. It is sealed once with its placeholders (I9), and opened to render it."""

from typing import Any, NamedTuple

import orjson

from core.addresses.mail_addresses import MailAddresses
from core.content_type import first_rule, guess_content_type
from core.ids import RequestKey
from ledger.chunk_recipients import split_secrets
from ledger.compile_message import compile_template
from ledger.message_template import MessageTemplate, TextSource
from ledger.models import RequestHeader
from ledger.sealing import Sealer
from schemas.requests import BulkBody
from schemas.statuses import Channel, ContentType


class SealedText(NamedTuple):
    """Text of a request, sealed for the ledger."""

    text: bytes
    secrets: bytes | None
    """Secret variables of the request, sealed apart so that the completion can erase them. None if there are none."""


def seal_template(
    sealer: Sealer, key: RequestKey, source: TextSource, body: BulkBody, addresses: MailAddresses
) -> SealedText:
    """Seal the text, the variables and the addresses of a request for the ledger.

    Secret variables that are kept are not apart.
    """
    erasable = () if body.keep_secret_variables else source.secret_variables
    variables, secrets = split_secrets(body.variables, erasable)
    fields: dict[str, Any] = {"content": source.content, "subject": source.subject, "variables": variables}
    if addresses.reply_to is not None:
        fields["reply_to"] = addresses.reply_to
    if addresses.cc:
        fields["cc"] = addresses.cc
    sealed_secrets = sealer.seal(orjson.dumps(secrets), _secrets_name(key)) if secrets else None
    return SealedText(sealer.seal(orjson.dumps(fields), key), sealed_secrets)


def unseal_template(sealer: Sealer, header: RequestHeader) -> dict[str, Any]:
    """Return `content`, `subject` and `variables` of a stored request, and `reply_to` and `cc` if it has them.

    The secret variables are among them until they are erased. Raise ledger.errors.SealingError.
    """
    fields: dict[str, Any] = orjson.loads(sealer.open(header.sealed_text, header.key))
    if header.sealed_secrets:
        fields["variables"] |= orjson.loads(sealer.open(header.sealed_secrets, _secrets_name(header.key)))
    return fields


def _secrets_name(key: RequestKey) -> str:
    return f"{key}.secrets"


def open_template(sealer: Sealer, header: RequestHeader, *, has_links: bool = False) -> MessageTemplate:
    """Return the compiled text of a stored request. Raise ledger.errors.SealingError.

    With `has_links`, recipients get unsubscribe links.
    """
    text = unseal_template(sealer, header)
    return compile_template(
        header.channel,
        text["content"],
        text["subject"],
        text["variables"],
        stored_type(header, text["content"]),
        secret_variables=header.secret_variables or (),
        addresses=MailAddresses(text.get("reply_to"), tuple(text.get("cc", ()))),
        has_links=has_links,
    )


def stored_type(header: RequestHeader, content: str) -> ContentType:
    """Return the type of the content of a stored request."""
    if header.content_type is None and header.channel is Channel.EMAIL:
        return first_rule(content)
    return header.content_type or ContentType.PLAIN


def type_to_repeat(header: RequestHeader, content: str) -> ContentType | None:
    """Return the type that a repeat of the request states, or None if the rule of today chooses the same type."""
    decided = stored_type(header, content)
    if header.channel is Channel.SMS or guess_content_type(content).content_type is decided:
        return header.content_type
    return decided
