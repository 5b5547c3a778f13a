"""Parameters of a vendor template, taken from a message."""

import pytest

from core.render_errors import MissingVariable
from core.send_result import Message
from core.vendor_template import VendorTemplate
from schemas.statuses import Channel


def a_message(of_recipient: dict[str, str], of_request: dict[str, str]) -> Message:
    return Message(
        "log_1",
        Channel.SMS,
        "+8613800138000",
        "text",
        None,
        False,
        None,
        "tnt_test",
        variables=of_recipient,
        request_variables=of_request,
    )


@pytest.mark.parametrize(
    ("of_recipient", "of_request", "expected"),
    [
        ({"code": "7", "name": "Wei"}, {"site": "a"}, (("site", "a"), ("code", "7"))),
        ({"code": "7"}, {"code": "1", "site": "a"}, (("site", "a"), ("code", "7"))),
        ({"code": ""}, {"code": "1", "site": "a"}, (("site", "a"), ("code", ""))),
    ],
    ids=["in the order of the vendor", "the recipient goes first", "an empty value is a value"],
)
def test_each_parameter_has_the_value_that_the_text_has(
    of_recipient: dict[str, str], of_request: dict[str, str], expected: tuple[tuple[str, str], ...]
) -> None:
    order = VendorTemplate("SMS_1", parameter_order=("site", "code"))

    assert a_message(of_recipient, of_request).parameters(order) == expected


def test_a_name_is_found_in_any_spelling() -> None:
    order = VendorTemplate("SMS_1", parameter_order=("first name",))

    assert a_message({"first\u00a0name": "Wei"}, {}).parameters(order) == (("first name", "Wei"),)


def test_a_missing_value_is_reported_by_its_name_as_in_a_text() -> None:
    with pytest.raises(MissingVariable, match=r"^missing variable: code$"):
        a_message({"name": "Wei"}, {}).parameters(VendorTemplate("SMS_1", parameter_order=("name", "code")))
