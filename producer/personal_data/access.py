"""Body and person of a call, the key of its tenant, and its entry in the audit log."""

from starlette.requests import Request

from core.addresses import AddressProblem, AddressRules
from core.ids import uuid7
from ledger.erasure_orders import AuditedCall, Person
from producer.auth.token_verifier import Principal
from producer.dependencies import Dependencies
from producer.errors import BadRequestError
from producer.http.body_errors import parse_body
from schemas.personal_data import PersonSelector

MAX_BODY_BYTES = 16 * 1024
"""Maximum size of a body in bytes."""


async def read_person(
    request: Request, principal: Principal, model: type[PersonSelector], deps: Dependencies
) -> Person:
    """Return the person that a body names. Raises ApiError, which shows no value."""
    async with deps.body_reader.read(request, principal.tenant_id, MAX_BODY_BYTES) as raw:
        body = parse_body(model, bytes(raw))
    if body.address is None or body.channel is None:
        return Person(str(body.user_id))
    region = body.region or deps.settings.default_region
    address = AddressRules(body.channel, region).read(body.address)
    if isinstance(address, AddressProblem):
        raise BadRequestError(f"address: {address.value}")
    return Person(address, body.channel, body.address, region)


def audited(principal: Principal, deps: Dependencies) -> AuditedCall:
    """Return the call as the audit log names it."""
    now = deps.clock.now()
    return AuditedCall(uuid7(now, deps.clock.random_bytes(10)), principal.tenant_id, principal.user_id, now)
