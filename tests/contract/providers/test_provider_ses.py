"""Kind `ses`: what a call contains, and how a batch is divided into calls."""

from dataclasses import replace

import pytest

from core.send_result import Failed, Message, Sent
from providers.config_file import parse
from providers.vendors.ses import SesApi, SesEntry
from schemas.statuses import Category, Reason
from tests.contract.providers.vendors.ses import VERIFIED, Mail, SesStage, a_mail

KIND = "ses"

STRANGE = '<p>{{Subject}} {{{name}}} {{#if}} &amp; "quoted" \\ é 😀\r\n</p>'


async def sent(stage: SesStage, *mails: Message, **entry: str) -> list[Mail]:
    """Send the mails in one batch, and return what the recipients get."""
    assert {type(answer) for answer in await stage.results(*mails, **entry)} == {Sent}
    return stage.peer.mails


def sizes(stage: SesStage) -> list[int]:
    """Return the number of mails of each call."""
    return [len(stage.peer.addresses(request)) for request in stage.peer.requests]


@pytest.mark.parametrize("number", [1, 2, 50])
@pytest.mark.parametrize("mark", ["", "{}"], ids=["equal", "own"])
@pytest.mark.parametrize("part", ["Text", "Html"])
async def test_a_mail_is_the_same_alone_and_in_a_call_with_others(
    stage: SesStage, number: int, mark: str, part: str
) -> None:
    texts = [STRANGE + mark.format(place) for place in range(number)]
    mails = await sent(stage, *(a_mail(n, text=text, is_html=part == "Html") for n, text in enumerate(texts)))
    assert sizes(stage) == [number]
    assert [mail.texts[part] for mail in mails] == texts
    assert [*mails[0].texts] == ["Subject", "Text", "Html"][: 3 if part == "Html" else 2]
    assert mails[0].texts["Subject"] == "News"
    assert [mail.to for mail in mails] == [f"take.{place}@example.com" for place in range(number)]
    assert [mail.tags for mail in mails] == [{"delivery_id": f"log_{place}"} for place in range(number)]


async def test_equal_texts_are_in_a_call_once(stage: SesStage) -> None:
    await sent(stage, *(a_mail(number, text="x" * 200_000) for number in range(50)))
    assert sizes(stage) == [50]
    assert len(stage.peer.requests[0].body) < 230_000


@pytest.mark.parametrize(
    ("mails", "expected"),
    [
        ([a_mail(1, text="A"), a_mail(2, text="x" * 262_200), a_mail(3, text="B")], [2, 1]),
        ([a_mail(1), a_mail(2), a_mail(3, text="x" * 262_200)], [2, 1]),
        ([a_mail(1, text="A"), a_mail(2, text="😀" * 131_100), a_mail(3, text="B")], [2, 1]),
        ([a_mail(1, text="A"), a_mail(2, text='"' * 131_000), a_mail(3, text="B")], [3]),
        ([a_mail(1, text="A"), replace(a_mail(2), cc=("boss@example.com",)), a_mail(3, text="B")], [2, 1]),
        ([a_mail(1, text="é" * 262_000), a_mail(2, text="ü" * 262_000)], [1, 1]),
        ([a_mail(number, text=str(number) * 200_000) for number in range(9)], [4, 4, 1]),
        ([a_mail(number, text="x" * 300_000) for number in range(2)], [1, 1]),
    ],
    ids=["characters", "equal", "UTF-16", "quotes", "copies", "bytes", "many", "none to share"],
)
async def test_the_mails_of_a_batch_are_divided_by_their_sizes(
    stage: SesStage, mails: list[Message], expected: list[int]
) -> None:
    await sent(stage, *mails)
    assert sorted(sizes(stage), reverse=True) == expected
    assert sorted(stage.taken()) == sorted(mail.id for mail in mails)


async def test_copies_replies_and_the_configuration_are_passed_on(stage: SesStage) -> None:
    copied = replace(a_mail(), cc=("boss@example.com",), reply_to="Hilfe für Sie <help@example.org>")
    (mail,) = await sent(stage, copied, sender=f"Größe <{VERIFIED}>", configuration_set="events")
    body = stage.peer.requests[0].json()
    assert mail.cc == ["boss@example.com"]
    assert body["FromEmailAddress"] == f"=?utf-8?b?R3LDtsOfZQ==?= <{VERIFIED}>"
    assert body["ReplyToAddresses"] == ["=?utf-8?q?Hilfe_f=C3=BCr_Sie?= <help@example.org>"]
    assert body["ConfigurationSetName"] == "events"


@pytest.mark.parametrize("number", [1, 2])
async def test_each_mail_carries_its_own_unsubscribe_link(stage: SesStage, number: int) -> None:
    mails = [replace(a_mail(place), variables={"id": str(place)}) for place in range(number)]
    taken = await sent(stage, *mails, list_unsubscribe="https://x.example/u?id={{id}}")
    assert [mail.headers for mail in taken] == [
        {
            "List-Unsubscribe": f"<https://x.example/u?id={place}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
        for place in range(number)
    ]


@pytest.mark.parametrize(
    ("mail", "expected"),
    [
        (replace(a_mail(), to="täke.1@example.com"), Failed(Reason.INVALID_RECIPIENT, "address beyond ASCII")),
        (replace(a_mail(), cc=("chefä@example.com",)), Failed(Reason.REJECTED, "cc or reply_to beyond ASCII")),
        (replace(a_mail(), reply_to="H <ü@example.org>"), Failed(Reason.REJECTED, "cc or reply_to beyond ASCII")),
        (a_mail(subject="A\nBcc: b"), Failed(Reason.INVALID_CONTENT, "control character in the subject")),
        (a_mail(text="x" * 30_000_000), Failed(Reason.TOO_LONG, "larger than a mail of SES may be")),
    ],
    ids=["to", "cc", "reply_to", "subject", "too long"],
)
async def test_what_ses_would_refuse_is_not_sent(stage: SesStage, mail: Message, expected: Failed) -> None:
    assert await stage.results(mail) == [expected]
    assert stage.arrived() == 0


@pytest.mark.parametrize(
    ("category", "expected", "headers"),
    [
        (Category.TRANSACTIONAL, None, [{}]),
        (Category.MARKETING, "list_unsubscribe: longer than a header may be", []),
    ],
)
async def test_unsubscribe_links_that_are_too_long_are_left_out_or_end_a_marketing_mail(
    stage: SesStage, category: Category, expected: str | None, headers: list[dict[str, str]]
) -> None:
    mail = replace(a_mail(), variables={"id": "x" * 480}, category=category)
    (result,) = await stage.results(mail, list_unsubscribe="<https://x.example/{{id}}>, <http://y.example/{{id}}>")
    assert getattr(result, "error", None) == expected
    assert [taken.headers for taken in stage.peer.mails] == headers


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({}, "https://email.eu-west-1.amazonaws.com"),
        ({"base_url": "https://ses.{region}.example/"}, "https://ses.eu-west-1.example"),
    ],
)
def test_the_url_has_the_region(fields: dict[str, str], url: str) -> None:
    (entry,) = parse([{"name": "ses", **SesStage.entry, **fields}])
    assert isinstance(entry, SesEntry)
    api = SesApi(entry)
    assert api.check_url == url
    assert api.request([api.encode(a_mail())]).url == f"{url}/v2/email/outbound-emails"


@pytest.mark.parametrize("field", ["region", "configuration_set"])
def test_a_value_that_cannot_be_in_a_url_or_a_name_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match=rf"^provider 1: {field}: "):
        parse([{"name": "ses", **SesStage.entry, field: "a/b"}])
