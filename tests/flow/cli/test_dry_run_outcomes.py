"""The estimate of a dry run agrees with the consumer's result."""

from collections import Counter
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.send.dry_run_outcomes import DryRunEstimate
from cli.template_check import compile_content
from core.text_limits import TOO_LONG, EmailLimit, SmsLimit
from schemas.requests import Recipient
from schemas.statuses import Channel, ContentType, Reason
from tests.flow.world import RecordingProvider, World

PEOPLE = st.lists(
    st.builds(
        Recipient,
        to=st.sampled_from(["13800000001", "+86 138 0000 0001", "01712345678", "138-0000-0003", "1.38E10", "nobody"]),
        region=st.sampled_from([None, "DE", "CN"]),
        variables=st.dictionaries(st.sampled_from(["name", "city"]), st.sampled_from(["", "x"])),
    ),
    min_size=1,
    max_size=12,
)


@given(parts=st.lists(PEOPLE, min_size=1, max_size=3))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_the_estimate_agrees_with_the_consumer(parts: list[list[Recipient]]) -> None:
    content, variables = "Hello {{name}} of {{city}}", {"city": "Beijing"}
    estimate = DryRunEstimate(
        Channel.SMS, compile_content(Channel.SMS, content, None, variables, ContentType.PLAIN), "CN", SmsLimit(10)
    )
    for line, recipient in enumerate((one for part in parts for one in part), 1):
        estimate.add(recipient, line)

    world = World(RecordingProvider())
    world.limits = replace(world.limits, default_region="US")
    for number, part in enumerate(parts):
        recipients = [one.model_dump(exclude_none=True) for one in part]
        last = number == len(parts) - 1
        await world.expand(
            world.record(*recipients, content=content, variables=variables, region="CN", part=number, last=last)
        )
    await world.deliver_all()
    reasons = [log.reason for log in await world.logs()]

    assert estimate.counts() == Counter(reasons)
    expected = [(line, reason) for line, reason in enumerate(reasons, 1) if reason]
    assert [(line, reason) for line, reason, *_ in estimate.excluded()] == expected[:20]
    assert Reason.INVALID_CONTENT not in reasons


async def test_a_link_that_would_run_a_script_fails_in_the_estimate_as_in_the_consumer() -> None:
    content = '<a href="{{link}}">x</a>'
    text = compile_content(Channel.EMAIL, content, "s", {}, ContentType.HTML)
    estimate = DryRunEstimate(Channel.EMAIL, text, None, EmailLimit(1_000))
    links = {"anna@example.com": "https://x.example", "ben@example.com": "\u00a0javascript:x"}
    people = [Recipient(to=to, variables={"link": link}) for to, link in links.items()]
    for line, recipient in enumerate(people, 1):
        estimate.add(recipient, line)
    assert list(estimate.excluded()) == [(2, Reason.INVALID_CONTENT, "link", "")]

    world = World(RecordingProvider(channel=Channel.EMAIL))
    recipients = [one.model_dump(exclude_none=True) for one in people]
    await world.expand(world.record(*recipients, channel="email", subject="s", content=content))
    await world.deliver_all()
    assert [log.reason for log in await world.logs()] == [None, Reason.INVALID_CONTENT]


async def test_a_text_that_its_variables_make_too_long_fails_in_the_estimate_as_in_the_consumer() -> None:
    text = compile_content(Channel.SMS, "{{a}}", None, {}, ContentType.PLAIN)
    estimate = DryRunEstimate(Channel.SMS, text, "CN", SmsLimit(10))
    people = [Recipient(to="+8613800138000", variables={"a": "x" * 1_530})]
    people += [Recipient(to=f"+861380013800{n}", variables={"a": letter * 671}) for n, letter in enumerate("x你", 1)]
    people += [Recipient(to="+8613800138003", variables={"a": "x" * 1_531})]
    for line, recipient in enumerate(people, 1):
        estimate.add(recipient, line)
    assert list(estimate.excluded()) == [
        (3, Reason.INVALID_CONTENT, "", TOO_LONG),
        (4, Reason.INVALID_CONTENT, "a", TOO_LONG),
    ]

    world = World(RecordingProvider())
    await world.expand(world.record(*(one.model_dump(exclude_none=True) for one in people), content="{{a}}"))
    await world.deliver_all()
    assert [log.reason for log in await world.logs()] == [None, None, *[Reason.INVALID_CONTENT] * 2]
