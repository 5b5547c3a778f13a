"""Sender of receipts for the options of the command."""

from pydantic import ValidationError

from cli.errors import UsageError
from cli.simulator.receipts.behaviour import ReceiptBehaviour
from cli.simulator.receipts.receipt_sender import ReceiptSender
from cli.simulator.signing import ses
from cli.simulator.signing.signed_call import CallbackKeys
from cli.simulator.signing.vendors import VENDORS, ReceiptsFormat
from schemas.validation_errors import read_problems

_OPTIONS = {
    **dict.fromkeys(("account_sid", "api_key", "domain", "topic_arns"), "--receipts-account"),
    **dict.fromkeys(("signing_key", "auth_token", "signature_secret"), "--receipts-key"),
    "path_secret": "--receipts-url",
}
"""Option that gives each field of the producer's entry."""


def build_receipts(behaviour: ReceiptBehaviour, seed: int) -> ReceiptSender | None:
    """Return the sender, or None without a URL. Raises UsageError if the producer would refuse the keys."""
    if behaviour.receipts_url is None:
        return None
    vendor = VENDORS[behaviour.receipts_format]
    key = behaviour.receipts_key.get_secret_value()
    if behaviour.receipts_format is ReceiptsFormat.SES:
        key = key or ses.random_key()
    keys = CallbackKeys(behaviour.receipts_url, behaviour.receipts_account, key)
    try:
        vendor.entry(keys)
    except ValidationError as error:
        lines = (f"{_OPTIONS[str(problem.location[0])]}: {problem.phrase}." for problem in read_problems(error))
        raise UsageError("\n".join(lines)) from None
    except ValueError as error:
        raise UsageError(f"--receipts-key: {error}.") from None
    return ReceiptSender(behaviour, seed, vendor.build(keys), vendor.build(vendor.forged(keys)), vendor.max_receipts)
