"""Compilation of the text of a request."""

from core.addresses.mail_addresses import NO_ADDRESSES, MailAddresses
from core.render import compile_html, compile_subject, compile_text
from ledger.message_template import MessageTemplate, TextSource
from schemas.statuses import Channel, ContentType


def compile_template(  # noqa: PLR0913  # all that the text is made of
    channel: Channel,
    content: str,
    subject: str | None,
    variables: dict[str, str],
    content_type: ContentType,
    *,
    secret_variables: tuple[str, ...] = (),
    addresses: MailAddresses = NO_ADDRESSES,
    has_links: bool = False,
) -> MessageTemplate:
    """Compile the text of a request. Raise core.render.TemplateError."""
    html = channel is Channel.EMAIL and content_type is ContentType.HTML
    return MessageTemplate(
        content=compile_html(content) if html else compile_text(content),
        subject=compile_subject(subject) if channel is Channel.EMAIL and subject else None,
        html=html,
        variables=variables,
        secret_variables=secret_variables,
        addresses=addresses,
        has_links=has_links,
    )


def compile_source(
    source: TextSource,
    variables: dict[str, str],
    addresses: MailAddresses = NO_ADDRESSES,
    *,
    has_links: bool = False,
) -> MessageTemplate:
    """Compile the text of a request with its secret variables. Raise core.render.TemplateError."""
    return compile_template(
        source.channel,
        source.content,
        source.subject,
        variables,
        source.content_type,
        secret_variables=source.secret_variables,
        addresses=addresses,
        has_links=has_links,
    )
