"""Bytes of e-mails against those of the library `email`, which builds each e-mail whole.

The inputs are those for which the library keeps the limits of RFC 5322 and RFC 2047, and breaks lines as rollcall does.
tests/unit/providers/test_mail_message.py reads all others back with the parser of the library.
"""

import random
import re
from collections.abc import Iterator
from email.contentmanager import raw_data_manager
from email.header import Header
from email.message import MIMEPart
from email.policy import compat32
from email.utils import format_datetime, formataddr

from core.send_result import Message
from core.text_part import html_to_text
from providers.bulk_headers import BulkHeaders
from providers.list_unsubscribe import parse_list_unsubscribe
from providers.mail_body import encode_body
from providers.mail_message import compose
from schemas.statuses import Channel
from tests.flow.world import START

REQUESTS, RECIPIENTS = 1_000, 4
"""Number of generated requests, and of the recipients of each."""
POLICY = compat32.clone(linesep="\r\n", max_line_length=76)
LATIN, GERMAN, CHINESE = "abcdefgHIJK0123456789", "äöüßÄÖÜ", "您的验证码是分钟内有效中国移动通信集团"
UNSUBSCRIBE = BulkHeaders(unsubscribing=parse_list_unsubscribe("https://x.example/u?id={{id}}"))


def a_word(rng: random.Random, letters: str) -> str:
    return "".join(rng.choices(letters, k=rng.randint(1, 8)))


def a_line(rng: random.Random, letters: str, most: int) -> str:
    return " ".join(a_word(rng, letters) for _ in range(rng.randint(1, most)))


def a_text(rng: random.Random, letters: str) -> str:
    """Return lines of at most 25 characters, which need no soft line break."""
    lines = (a_line(rng, letters, 3) + rng.choice(["", "", " ", "\t", ".", "="]) for _ in range(rng.randint(0, 9)))
    return rng.choice(["", ".", "\n"]) * rng.randint(0, 1) + rng.choice(["\n", "\r\n"]).join(lines)


def letters_of(rng: random.Random) -> str:
    return rng.choice([LATIN, LATIN + GERMAN, LATIN * 9 + GERMAN, CHINESE, CHINESE + LATIN])


def requests() -> Iterator[tuple[str, BulkHeaders, list[Message]]]:
    """Yield the sender, the bulk headers, and the messages of each request."""
    rng = random.Random(17)
    for request in range(REQUESTS):
        letters = letters_of(rng)
        text, is_html = a_text(rng, letters), rng.random() < 0.3
        names = [a_line(rng, letters_of(rng), rng.choice([1, 2, 9])) for _ in range(2)]
        subject, has_variables = a_line(rng, letters_of(rng), rng.choice([2, 5, 30])), rng.random() < 0.5
        messages = [
            Message(
                id=f"log_{request}_{number}",
                channel=Channel.EMAIL,
                to=f"{a_word(rng, LATIN)}@example.com",
                text=f"{a_word(rng, letters)}\n{text}" if has_variables else text,
                subject=f"{subject} {a_word(rng, letters)}" if has_variables else subject,
                is_html=is_html,
                reference=None,
                tenant_id="tnt_1",
                reply_to=f"{names[1]} <help@example.org>" if request % 3 == 0 else None,
                cc=tuple(f"{a_word(rng, LATIN)}{at}@example.net" for at in range(request % 7)),
                variables={"id": f"{request}-{number}"},
            )
            for number in range(RECIPIENTS)
        ]
        shared: dict[str, bytes] | None = None if has_variables else {}
        for message in messages:
            message.shared = shared
        yield f"{names[0]} <us@example.org>", UNSUBSCRIBE if request % 2 else BulkHeaders(), messages


def library_bytes(message: Message, sender: str, unsubscribe: bool) -> bytes:  # noqa: FBT001
    """Return the e-mail as the library builds it."""
    mail = MIMEPart(POLICY)
    mail["From"] = mailbox("From", sender)
    if message.reply_to:
        mail["Reply-To"] = mailbox("Reply-To", message.reply_to)
    subject = message.subject or ""
    mail["Subject"] = subject if subject.isascii() else Header(subject, "utf-8", header_name="Subject")
    mail["MIME-Version"] = "1.0"
    mail["Date"] = format_datetime(START)
    mail["To"] = message.to
    if message.cc:
        mail["Cc"] = ", ".join(message.cc)
    mail["Message-ID"] = f"<{message.id}@example.org>"
    if unsubscribe:
        mail["List-Unsubscribe"] = f"<https://x.example/u?id={message.variables['id']}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if message.is_html:
        set_text(mail, html_to_text(message.text), "plain")
        mail.make_alternative("=_rollcall")
        part = MIMEPart(POLICY)
        set_text(part, message.text, "html")
        mail.attach(part)
    else:
        set_text(mail, message.text, "plain")
    return mail.as_bytes()


def mailbox(header: str, text: str) -> Header | str:
    name, _, address = text.removesuffix(">").rpartition(" <")
    if name.isascii():
        return formataddr((name, address))
    value = Header(name, "utf-8", header_name=header)
    value.append(f"<{address}>", "us-ascii")
    return value


def set_text(part: MIMEPart, text: str, subtype: str) -> None:
    """Set the text in the encoding that rollcall chooses, which is the shortest one."""
    head = encode_body(text).partition(b"\r\n\r\n")[0].decode()
    charset, encoding = head.split('"')[1], head.rpartition(" ")[2]
    part.set_content(text, subtype=subtype, charset=charset, cte=encoding, content_manager=raw_data_manager)


def without_soft_breaks(body: bytes) -> bytes:
    """Return a body without the two differences of quoted-printable.

    `binascii` breaks a line that would be full to its last octet, and quotes a dot that is alone on its line.
    """
    return re.sub(rb"=\r\n", b"", body).replace(b"\r\n=2E\r\n", b"\r\n.\r\n")


def test_the_spliced_bytes_are_those_of_the_library() -> None:
    number = different = 0
    for sender, bulk_headers, messages in requests():
        for message in messages:
            ours = compose(message, sender, bulk_headers, START.timestamp()).content
            theirs = library_bytes(message, sender, bulk_headers is UNSUBSCRIBE)
            if ours != theirs:
                head, their_head = (content.partition(b"\r\n\r\n")[0] for content in (ours, theirs))
                assert head == their_head
                assert without_soft_breaks(ours) == without_soft_breaks(theirs)
                different += 1
            number += 1
    assert number == REQUESTS * RECIPIENTS
    assert different < number / 100


def test_the_body_of_a_text_without_variables_is_made_once_for_all_recipients() -> None:
    made: list[bytes] = []
    shared: dict[str, bytes] = {}
    for number in range(3):
        message = Message(f"log_{number}", Channel.EMAIL, f"r{number}@example.com", "é", "Hi", False, None, "tnt_1")
        message.shared = shared
        content = compose(message, "us@example.org", BulkHeaders(), 0).content
        made += shared.values()
        assert content.endswith(made[0])
        assert f"To: r{number}@example.com\r\n".encode() in content
    assert made[0] == encode_body("é")
    assert made[0] is made[1] is made[2]
