"""Reports in the forms of several mail servers. All names and texts are made up.

The fields and their order are those of the servers: Postfix 3.7, Exim 4.96, Exchange Online and Gmail.
"""

from datetime import UTC, datetime

from providers.bounces.bounce_entry import BounceKey
from providers.bounces.bounce_reader import BounceReader
from providers.bounces.return_path import SignedReturnPath

DELIVERY_ID = "log_0123456789abcdefghjkmnpqrs0000000af"
KEY = "0123456789abcdef0123456789abcdef"
SIGNER = SignedReturnPath("post", "bounces@example.com", KEY)
SIGNED = SIGNER.sign(DELIVERY_ID, None)
NOW = datetime(2026, 11, 30, 12, 0, 0, tzinfo=UTC)
READER = BounceReader([BounceKey("post", KEY)])


def as_mail(text: str) -> bytes:
    """Return a text as the bytes of a mail, with CRLF at the end of each line."""
    return text.lstrip("\n").replace("\n", "\r\n").encode()


def a_report(
    fields: str = "Action: failed\nStatus: 5.1.1", *, to: str = SIGNED, kind: str = "delivery-status"
) -> bytes:
    """Return a report with these fields about its recipient."""
    return as_mail(f"""
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: {to}
Date: Mon, 30 Nov 2026 11:00:00 +0000
Subject: Undelivered
Content-Type: multipart/report; report-type={kind}; boundary="edge"

--edge

Sorry.
--edge
Content-Type: message/{kind}

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; ann@example.org
{fields}
--edge--
""")


POSTFIX = as_mail(f"""
Return-Path: <>
X-Original-To: {SIGNED}
Delivered-To: {SIGNED}
Received: by mx.example.com (Postfix)
\tid 4F8Zc51Qzpz9sS; Mon, 30 Nov 2026 11:12:13 +0000 (UTC)
Date: Mon, 30 Nov 2026 11:12:13 +0000 (UTC)
From: MAILER-DAEMON@mx.example.com (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {SIGNED}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F8Zc33Pq1z9sQ.1764501133/mx.example.com"
Message-Id: <20261130111213.4F8Zc51Qzpz9sS@mx.example.com>

This is a MIME-encapsulated message.

--4F8Zc33Pq1z9sQ.1764501133/mx.example.com
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

The mail could not be delivered.

--4F8Zc33Pq1z9sQ.1764501133/mx.example.com
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com
X-Postfix-Queue-ID: 4F8Zc33Pq1z9sQ
X-Postfix-Sender: rfc822; {SIGNED}
Arrival-Date: Mon, 30 Nov 2026 11:12:11 +0000 (UTC)

Final-Recipient: rfc822; ann@example.org
Original-Recipient: rfc822;ann@example.org
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.example.org
Diagnostic-Code: smtp; 550 5.1.1 <ann@example.org>: no mailbox of this name

--4F8Zc33Pq1z9sQ.1764501133/mx.example.com
Content-Description: Undelivered Message
Content-Type: message/rfc822

Return-Path: <{SIGNED}>
From: us@example.com
To: ann@example.org
Subject: Hello

Hello

--4F8Zc33Pq1z9sQ.1764501133/mx.example.com--
""")

EXIM = as_mail(f"""
Envelope-to: {SIGNED}
Received: from Debian-exim by mx.example.com with local (Exim 4.96)
\tid 1t0abc-0001AB-2C
\tfor {SIGNED};
\tMon, 30 Nov 2026 11:12:13 +0000
X-Failed-Recipients: bob@example.org
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mx.example.com>
To: {SIGNED}
References: <{DELIVERY_ID}@example.com>
Content-Type: multipart/report; report-type=delivery-status; boundary=1764501133-eximdsn-1804289383
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender
Date: Mon, 30 Nov 2026 11:12:13 +0000

--1764501133-eximdsn-1804289383
Content-type: text/plain; charset=us-ascii

The other server refused it.

--1764501133-eximdsn-1804289383
Content-type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Action: failed
Final-Recipient: rfc822;bob@example.org
Status: 5.0.0
Remote-MTA: dns; mail.example.org
Diagnostic-Code: smtp; 550-5.2.1 The mailbox is switched off.
 550 5.2.1 See the page of your provider.

--1764501133-eximdsn-1804289383
Content-type: message/rfc822

Return-path: <{SIGNED}>
Subject: Hello

--1764501133-eximdsn-1804289383--
""")

EXCHANGE = as_mail(f"""
From: <postmaster@example.org>
To: <{SIGNED.upper()}>
Date: Mon, 30 Nov 2026 11:12:13 +0000
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="8f2e1d7c-aaaa-bbbb-cccc-0123456789ab"
X-MS-Exchange-Message-Is-Ndr:
Content-Language: en-US
Subject: Undeliverable: Hello

--8f2e1d7c-aaaa-bbbb-cccc-0123456789ab
Content-Type: multipart/alternative; differences=Content-Type;
\tboundary="2b7a1c55-dddd-eeee-ffff-0123456789ab"

--2b7a1c55-dddd-eeee-ffff-0123456789ab
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

The mailbox is full.
--2b7a1c55-dddd-eeee-ffff-0123456789ab
Content-Type: text/html; charset="us-ascii"

<p>The mailbox is full.</p>
--2b7a1c55-dddd-eeee-ffff-0123456789ab--

--8f2e1d7c-aaaa-bbbb-cccc-0123456789ab
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR01MB0001.eurprd01.prod.example
Received-From-MTA: dns;mx.example.com
Arrival-Date: Mon, 30 Nov 2026 11:12:12 +0000

Original-Recipient: rfc822;carol@example.org
Final-Recipient: rfc822;carol@example.org
Action: failed
Status: 5.2.2
Diagnostic-Code: smtp;554 5.2.2 mailbox full; STOREDRV.Deliver.Exception
X-Display-Name: Carol

--8f2e1d7c-aaaa-bbbb-cccc-0123456789ab
Content-Type: message/rfc822

Subject: Hello

--8f2e1d7c-aaaa-bbbb-cccc-0123456789ab--
""")

GMAIL = as_mail(f"""
Received: by 2002:a05:6512:31c7:0:0:0:0 with SMTP id j7csp1234567; Mon, 30 Nov 2026 03:12:13 -0800 (PST)
Return-Path: <>
Content-Type: multipart/report; boundary="000000000000a1b2c3060abcdef0"; report-type=delivery-status
To: {SIGNED}
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Delay)
Date: Mon, 30 Nov 2026 03:12:13 -0800 (PST)

--000000000000a1b2c3060abcdef0
Content-Type: multipart/related; boundary="000000000000a1b2c5060abcdef2"

--000000000000a1b2c5060abcdef2
Content-Type: text/html; charset="UTF-8"

<p>We try again.</p>
--000000000000a1b2c5060abcdef2--
--000000000000a1b2c3060abcdef0
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Arrival-Date: Sun, 29 Nov 2026 03:12:13 -0800 (PST)
X-Original-Message-ID: <{DELIVERY_ID}@example.com>

Final-Recipient: rfc822; dave@example.org
Action: delayed
Status: 4.4.1
Diagnostic-Code: smtp; The recipient server did not accept our requests to connect.
Last-Attempt-Date: Mon, 30 Nov 2026 03:12:13 -0800 (PST)
Will-Retry-Until: Wed, 02 Dec 2026 03:12:13 -0800 (PST)

--000000000000a1b2c3060abcdef0
Content-Type: message/rfc822

Subject: Hello

--000000000000a1b2c3060abcdef0--
""")


def a_complaint(kind: str = "abuse", *, to: str = "fbl@example.com", original: str = SIGNED) -> bytes:
    """Return a complaint as a mailbox provider sends it to the address of its feedback loop."""
    return as_mail(f"""
From: <feedback@example.org>
To: <{to}>
Date: Mon, 30 Nov 2026 11:12:13 +0000
Subject: FW: Hello
Content-Type: multipart/report; report-type=feedback-report; boundary="fbl"

--fbl
Content-Type: text/plain

A user reported this mail.
--fbl
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Loop/1.0
Version: 1
Original-Mail-From: <{original}>
Arrival-Date: Mon, 30 Nov 2026 10:00:00 +0000

--fbl
Content-Type: message/rfc822

Subject: Hello
--fbl--
""")
