"""Rules of a tenant for marketing e-mail: what a text must have."""

import pytest

from ledger.compile_message import compile_template
from ledger.marketing_policy import applies_to, lacks_opt_out, lacks_postal_address
from ledger.message_template import MessageTemplate
from schemas.statuses import Category, Channel, ContentType
from schemas.tenant_settings import MarketingPolicy

ADDRESS = "Müller & Co, 1 Main Street,\n 0150 Oslo"
POLICY = MarketingPolicy(require_opt_out=True, postal_address=ADDRESS)


def a_text(content: str, **variables: str) -> MessageTemplate:
    kind = ContentType.HTML if content.startswith("<") else ContentType.PLAIN
    return compile_template(Channel.EMAIL, content, "Hi", variables, kind, has_links=True)


@pytest.mark.parametrize(
    "content",
    [
        f"Hello {{{{name}}}}\n\n{ADDRESS}",
        "Müller & Co, 1 Main Street, 0150 Oslo",
        "Müller & Co,\r\n1 Main Street,\r\n0150\xa0Oslo",
        "<p>Hello {{name}}</p><p>Müller &amp; Co,<br>1 Main Street, <b>0150</b> Oslo</p>",
        "<p>{{sender}}</p>",
        "{{sender}}",
    ],
)
def test_the_postal_address_is_found_however_it_is_broken_into_lines(content: str) -> None:
    assert not lacks_postal_address(POLICY, a_text(content, sender=ADDRESS))


@pytest.mark.parametrize(
    "content",
    [
        "Hello",
        "Müller & Co, 1 Main Street",
        "<p>Hello</p><!-- Müller &amp; Co, 1 Main Street, 0150 Oslo -->",
        '<p title="Müller &amp; Co, 1 Main Street, 0150 Oslo">Hello</p>',
        "Müller & Co, {{street}}, 0150 Oslo",
    ],
)
def test_a_text_without_the_postal_address_is_found(content: str) -> None:
    assert lacks_postal_address(POLICY, a_text(content))
    assert not lacks_postal_address(MarketingPolicy(), a_text(content))


def test_a_link_in_the_text_is_an_opt_out_whoever_gives_it() -> None:
    assert lacks_opt_out(POLICY, a_text("Hello {{name}}"))
    assert not lacks_opt_out(POLICY, a_text("{{ unsubscribe_url }}"))
    assert not lacks_opt_out(POLICY, a_text("{{unsubscribe_url}}", unsubscribe_url="https://own.example/"))
    assert not lacks_opt_out(MarketingPolicy(require_opt_out=False), a_text("Hello"))


def test_the_rules_are_for_marketing_by_mail_alone() -> None:
    assert [(channel, category) for channel in Channel for category in Category if applies_to(channel, category)] == [
        (Channel.EMAIL, Category.MARKETING)
    ]
