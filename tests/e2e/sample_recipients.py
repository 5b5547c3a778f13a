"""Recipients of all sorts, and what must become of each: told here by number and position alone."""

from typing import Any
from uuid import uuid4

from tests.e2e.caller import Reader
from tests.e2e.reconciliation import Fate, Position, stored
from tests.support.deployment import Deployment

TENANT = "tnt_e2e"
MARK = "1380013"
"""Every number begins so, and no masked one contains it."""
SECRET = "swordfish"
"""Stands in every content and variable."""

SIMULATOR = {
    "name": "sim-sms",
    "kind": "simulator",
    "channel": "sms",
    "fail_suffixes": ["31"],
    "retry_once_suffixes": ["42"],
    "throttle_once_suffixes": ["53"],
    "retry_after_seconds": 1,
    "hang_suffixes": ["64"],
    "drop_suffixes": ["75"],
    "timeout_seconds": 0.5,
}
_BY_SUFFIX = {
    "31": ("failed", "rejected", 1),
    "42": ("sent", None, 2),
    "53": ("sent", None, 1),  # being asked to wait spends no attempt
    "64": ("unknown", "no_answer", 1),
    "75": ("unknown", "no_answer", 1),
}


def a_crowd(size: int, *, lacking: bool = True) -> tuple[list[Any], dict[Position, Fate]]:
    """Up to 10,000 recipients of one part; of each hundred one is bad, one there before, and one lacks its variable."""
    recipients, expected = [], {}
    for index in range(size):
        recipient, fate = _member(index, lacking=lacking)
        recipients.append(recipient)
        expected[0, index] = fate
    return recipients, expected


def _member(index: int, *, lacking: bool) -> tuple[dict[str, Any], Fate]:
    number, variables = f"{MARK}{index:04d}", {"code": f"{SECRET}-{index}"}
    recipient: dict[str, Any] = {"to": number, "variables": variables, "reference": f"order-{index}"}
    match index % 100:
        case 7:
            return recipient | {"to": f"{number}99"}, Fate("failed", "invalid_recipient", "1***9", 0, None)
        case 17:
            earlier = f"{MARK}{index - 17:04d}"
            spelt = [earlier, f"+86 {earlier[:3]} {earlier[3:7]} {earlier[7:]}", f"+86{earlier}"][index // 100 % 3]
            return recipient | {"to": spelt}, Fate("suppressed", "duplicate", f"138****{index - 17:04d}", 0, None)
        case 27 if lacking:
            shown = f"138****{index:04d}"
            return recipient | {"variables": {"other": SECRET}}, Fate("failed", "missing_variable", shown, 0, None)
    status, reason, attempts = _BY_SUFFIX.get(number[-2:], ("sent", None, 1))
    return recipient, Fate(status, reason, f"138****{index:04d}", attempts, "sim-sms")


def a_request(recipients: list[Any], **fields: Any) -> dict[str, Any]:
    """An SMS for them as a record of the intake."""
    return {
        "channel": "sms",
        "content": f"{SECRET}: your code is {{{{code}}}}",
        "recipients": recipients,
        "tenant_id": TENANT,
        "user_id": "usr_e2e",
        "request_id": uuid4().hex,
        **fields,
    }


def assert_tells_nobody(deployment: Deployment, *readers: Reader) -> None:
    """No plain address, content or variable in what the services wrote, published or stored."""
    written = deployment.said() + stored(deployment) + b"".join(reader.bytes() for reader in readers)
    assert len(written) > 1000
    assert MARK.encode() not in written
    assert SECRET.encode() not in written
