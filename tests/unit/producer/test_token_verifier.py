"""Verification of tokens: claims, keys and algorithms."""

import asyncio
import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK
from starlette.datastructures import Headers

from cli.admin.development_token import issue_token
from producer.auth.signing_keys import (
    MAX_AGE_SECONDS,
    MAX_FETCH_BYTES,
    MIN_FETCH_INTERVAL_SECONDS,
    REFRESH_AFTER_SECONDS,
    WAIT_FOR_REFRESH_AFTER_SECONDS,
    JwksKeys,
    SigningKeySource,
    UnknownKeyError,
)
from producer.auth.token_verifier import (
    ADMIN,
    LEEWAY_SECONDS,
    MAX_AUTHORIZATION_LENGTH,
    MAX_VERIFIED_LENGTH,
    MAX_VERIFIED_TOKENS,
    SEND,
    SEND_AS,
    Principal,
    TokenVerifier,
)
from producer.errors import ForbiddenError, LongHeaderError, UnauthorizedError, UnavailableError
from tests.support.polling import wait_until
from tests.support.service import SECRET, some_settings

NOW = datetime.now(UTC)
CLAIMS = {
    "sub": "usr_a",
    "tenant_id": "tnt_a",
    "scope": "communication:send other",
    "iat": NOW,
    "exp": NOW + timedelta(days=1),  # the suite takes a while, and this stands from its beginning
}
RSA_KEY = generate_rsa(65537, 2048)


def a_verifier(**changes: Any) -> TokenVerifier:
    return TokenVerifier(some_settings(**{"jwt_secret": SECRET, **changes}))


def a_token(key: Any = SECRET, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **changes: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


def bearing(token: str) -> Headers:
    return Headers({"Authorization": f"Bearer {token}"})


def pem(private: Any) -> str:
    return str(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


async def test_a_token_names_user_tenant_and_scopes() -> None:
    caller = await a_verifier().authenticate(bearing(a_token()))
    assert caller == Principal("tnt_a", "usr_a", frozenset({SEND}))


async def test_scopes_may_come_as_a_list_under_a_claim_of_the_issuers_choice() -> None:
    verifier = a_verifier(jwt_scope_claim="scp", jwt_tenant_claim="org")
    caller = await verifier.authenticate(bearing(a_token(scp=[SEND, 7, SEND_AS], org="tnt_b")))
    assert caller == Principal("tnt_b", "usr_a", frozenset({SEND, SEND_AS}))


async def test_a_token_that_was_verified_before_is_refused_when_it_expires() -> None:
    verifier = a_verifier()
    ends_at = int(datetime.now(UTC).timestamp()) + 2
    token = bearing(a_token(exp=ends_at - LEEWAY_SECONDS))
    assert (await verifier.authenticate(token)).user_id == "usr_a"

    await wait_until(lambda: datetime.now(UTC).timestamp() > ends_at)
    with pytest.raises(UnauthorizedError, match="expired"):
        await verifier.authenticate(token)


async def test_a_token_that_was_verified_before_is_verified_again_with_another_key() -> None:
    class Keys(SigningKeySource):
        key: Any = SECRET

        async def find(self, token: str) -> Any:
            del token
            return self.key

    keys = Keys()
    verifier = TokenVerifier(some_settings(jwt_secret=SECRET), keys)
    assert (await verifier.authenticate(bearing(a_token()))).user_id == "usr_a"

    keys.key = "another secret of at least thirty-two bytes"
    with pytest.raises(UnauthorizedError, match="signature"):
        await verifier.authenticate(bearing(a_token()))


async def test_the_verified_tokens_that_are_remembered_are_bounded() -> None:
    verifier = a_verifier()
    for number in range(MAX_VERIFIED_TOKENS + 10):
        await verifier.authenticate(bearing(a_token(jti=str(number))))
    known = set(verifier._verified)
    await verifier.authenticate(bearing(a_token(groups="x" * MAX_VERIFIED_LENGTH)))

    assert len(known) == MAX_VERIFIED_TOKENS
    assert set(verifier._verified) == known  # the long one is not among them


async def test_a_token_is_decoded_once_however_often_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier, token, decoded = a_verifier(), bearing(a_token()), list[str]()
    decode = verifier._jwt.decode

    def counted(given: str, *args: Any, **options: Any) -> Any:
        decoded.append(given)
        return decode(given, *args, **options)

    monkeypatch.setattr(verifier._jwt, "decode", counted)
    callers = [await verifier.authenticate(token) for _ in range(3)]

    assert len(decoded) == 1
    assert callers[0] == callers[1] == callers[2]


@pytest.mark.parametrize(
    ("settings", "claims"),
    [
        ({"jwt_scope_claim": "realm_access.roles"}, {"realm_access": {"roles": [SEND]}}),
        ({"jwt_scope_claim": "resource_access.my.api.roles"}, {"resource_access": {"my.api": {"roles": [SEND]}}}),
        ({"jwt_scope_claim": "https://a.example/scope"}, {"https://a.example/scope": SEND}),
        ({"jwt_tenant_claim": "org.id", "jwt_scope_claim": "scp"}, {"org": {"id": "tnt_a"}, "scp": SEND}),
        ({"jwt_scope_prefix": "rollcall/"}, {"scope": f"rollcall/{SEND} openid"}),
        ({"jwt_scope_prefix": "https://api.example/"}, {"scope": [f"https://api.example/{SEND}"]}),
    ],
)
async def test_tenant_and_scopes_are_found_where_the_settings_say(
    settings: dict[str, str], claims: dict[str, Any]
) -> None:
    given = {"scope": None, "tenant_id": None if "jwt_tenant_claim" in settings else "tnt_a", **claims}
    assert await a_verifier(**settings).authenticate(bearing(a_token(**given))) == Principal(
        "tnt_a", "usr_a", frozenset({SEND})
    )


@pytest.mark.parametrize(
    ("settings", "claims"),
    [
        ({"jwt_scope_prefix": "rollcall/"}, {"scope": f"{SEND} other/{SEND}"}),
        ({"jwt_scope_claim": "realm_access.roles"}, {"realm_access": [SEND]}),
        ({"jwt_scope_claim": "realm_access.roles"}, {"realm_access": {"roles": {SEND: True}}}),
        ({"jwt_scope_claim": "."}, {"": {"": SEND}}),
    ],
)
async def test_scopes_of_another_service_or_shape_do_not_count(
    settings: dict[str, str], claims: dict[str, Any]
) -> None:
    principal = await a_verifier(**settings).authenticate(bearing(a_token(**{"scope": None, **claims})))
    assert principal.scopes == frozenset()


async def test_a_development_token_is_accepted() -> None:
    token = issue_token(SECRET, "tnt_a", "usr_a", [SEND, ADMIN], 60)
    assert await a_verifier().authenticate(bearing(token)) == Principal("tnt_a", "usr_a", frozenset({SEND, ADMIN}))


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (a_token(exp=NOW - timedelta(minutes=1)), "has expired"),
        (a_token(iat=NOW + timedelta(hours=12)), "is not valid yet"),
        (a_token(nbf=NOW + timedelta(hours=12)), "is not valid yet"),
        (a_token(exp=None), "lacks the claim exp"),
        (a_token(iat=None), "lacks the claim iat"),
        (a_token(sub=None), "lacks the claim sub"),
        (a_token(tenant_id=None), "lacks the claim tenant_id"),
        (a_token(exp="never"), "(exp, iat, nbf) is not a time"),
        (a_token(exp=float("inf")), "(exp, iat, nbf) is not a time"),
        (a_token(nbf=[]), "(exp, iat, nbf) is not a time"),
        (a_token(tenant_id=7), "the claim tenant_id of the token"),
        (a_token(tenant_id="not a tenant"), "the claim tenant_id of the token"),
        (a_token(sub=""), "the claim sub of the token"),
        (a_token(sub="x" * 129), "the claim sub of the token"),
        (jwt.encode({**CLAIMS, "sub": 7}, SECRET), "the claim sub of the token"),
        (a_token("another secret of more than 32 bytes."), "the signature of the token does not match"),
        (a_token()[:-4] + "AAAA", "the signature of the token does not match"),
        (a_token("", "none"), "an algorithm that is not accepted"),
        (a_token(RSA_KEY, "RS256"), "an algorithm that is not accepted"),
        (a_token(SECRET * 2, "HS512"), "an algorithm that is not accepted"),
        ("no.token.atall", "is not a JSON Web Token"),
        ("é", "is not a JSON Web Token"),
        (f"{b64encode(b'[' * 9_000).decode()}.e30.e30", "is not a JSON Web Token"),
    ],
)
async def test_an_invalid_token_is_refused_with_the_reason(token: str, why: str) -> None:
    with pytest.raises(UnauthorizedError) as caught:
        await a_verifier().authenticate(Headers(raw=[(b"authorization", f"Bearer {token}".encode())]))
    assert why in caught.value.message
    challenge = caught.value.headers["WWW-Authenticate"]
    assert challenge == f'Bearer realm="rollcall", error="invalid_token", error_description="{caught.value.message}"'
    assert token not in challenge


async def test_an_authorization_header_that_is_too_long_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(LongHeaderError, match="Authorization: must have at most 16,384 characters"):
        await a_verifier().authenticate(bearing("x" * MAX_AUTHORIZATION_LENGTH))


@pytest.mark.parametrize(
    "headers",
    [
        Headers(),
        Headers({"Authorization": ""}),
        Headers({"Authorization": "Bearer"}),
        Headers({"Authorization": "Bearer  "}),
        Headers({"Authorization": f"Basic {a_token()}"}),
        Headers(raw=[(b"authorization", f"Bearer {a_token()}".encode())] * 2),
    ],
)
async def test_a_request_without_exactly_one_bearer_token_gets_a_challenge(headers: Headers) -> None:
    with pytest.raises(UnauthorizedError) as caught:
        await a_verifier().authenticate(headers)
    assert caught.value.headers == {"WWW-Authenticate": 'Bearer realm="rollcall"'}


@pytest.mark.parametrize(
    ("changes", "good", "bad", "why"),
    [
        ({"jwt_issuer": "https://a.example"}, {"iss": "https://a.example"}, {"iss": "https://b.example"}, "issuer"),
        ({"jwt_issuer": "https://a.example"}, {"iss": "https://a.example"}, {}, "lacks the claim iss"),
        ({"jwt_audience": "rollcall"}, {"aud": ["rollcall", "x"]}, {"aud": "x"}, "another audience"),
        ({"jwt_audience": "rollcall"}, {"aud": "rollcall"}, {}, "lacks the claim aud"),
        ({"jwt_audience": "rollcall, https://api.example"}, {"aud": "https://api.example"}, {"aud": "x"}, "audience"),
        ({"jwt_audience": "https://a.example/b,c"}, {"aud": "https://a.example/b,c"}, {"aud": "b"}, "audience"),
    ],
)
async def test_issuer_and_audience_are_checked_when_they_are_set(
    changes: dict[str, str], good: dict[str, Any], bad: dict[str, Any], why: str
) -> None:
    verifier = a_verifier(**changes)
    await verifier.authenticate(bearing(a_token(**good)))
    with pytest.raises(UnauthorizedError) as caught:
        await verifier.authenticate(bearing(a_token(**bad)))
    assert why in caught.value.message


async def test_the_audience_is_not_checked_if_none_is_set() -> None:
    await a_verifier().authenticate(bearing(a_token(aud="whoever", iss="whoever")))


@pytest.mark.parametrize(
    ("private", "algorithm"),
    [(RSA_KEY, "RS256"), (generate_private_key(SECP256R1()), "ES256"), (Ed25519PrivateKey.generate(), "EdDSA")],
)
async def test_a_public_key_is_used_with_its_own_algorithm(private: Any, algorithm: str) -> None:
    verifier = a_verifier(jwt_secret=None, jwt_public_key=pem(private).replace("\n", "\\n"))
    await verifier.authenticate(bearing(a_token(private, algorithm)))
    with pytest.raises(UnauthorizedError):
        await verifier.authenticate(bearing(a_token()))


async def test_a_public_key_does_not_verify_an_hmac_signature() -> None:
    verifier = a_verifier(jwt_secret=None, jwt_public_key=pem(RSA_KEY))
    signed = a_token().rpartition(".")[0].encode()
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = jwt.utils.base64url_encode(hmac.sign(signed, pem(RSA_KEY).encode()))
    with pytest.raises(UnauthorizedError):
        await verifier.authenticate(bearing(f"{signed.decode()}.{signature.decode()}"))


@pytest.mark.parametrize(
    ("scopes", "scope", "granted"),
    [({SEND}, SEND, True), ({ADMIN}, SEND, True), ({SEND}, SEND_AS, False), (set(), SEND, False)],
)
def test_admin_has_every_scope_and_the_others_have_their_own(scopes: set[str], scope: str, *, granted: bool) -> None:
    caller = Principal("tnt_a", "usr_a", frozenset(scopes))
    assert caller.may(scope) is granted
    if not granted:
        with pytest.raises(ForbiddenError) as caught:
            caller.require(scope)
        assert f'scope="{scope}"' in caught.value.headers["WWW-Authenticate"]


class Issuer:
    """Publishes a key set, counts the fetches, and may be unavailable."""

    def __init__(self, *kids: str) -> None:
        self.kids = list(kids)
        self.fetches = 0
        self.away = False
        self.now = 1_000_000.0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.keys = JwksKeys(self.fetch, lambda: self.now)

    async def fetch(self) -> list[PyJWK]:
        self.fetches += 1
        await self.may_answer.wait()
        if self.away:
            raise jwt.PyJWKClientConnectionError("away")
        return [PyJWK(jwk(kid)) for kid in self.kids]

    def token(self, kid: str | None) -> str:
        return a_token(RSA_KEY, "RS256", headers={"kid": kid} if kid else None)


def jwk(kid: str) -> dict[str, Any]:
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEY.public_key())), "kid": kid, "use": "sig"}


async def test_a_known_key_is_not_fetched_again() -> None:
    issuer = Issuer("a", "b")
    for kid in ("a", "b", "a"):
        assert (await issuer.keys.find(issuer.token(kid))).key_id == kid
    assert issuer.fetches == 1


async def test_unknown_keys_cause_at_most_one_fetch_per_interval() -> None:
    issuer = Issuer("a")
    for _ in range(5):
        with pytest.raises(jwt.InvalidTokenError):
            await issuer.keys.find(issuer.token("new"))
    assert issuer.fetches == 1
    issuer.kids.append("new")
    issuer.now += MIN_FETCH_INTERVAL_SECONDS
    assert (await issuer.keys.find(issuer.token("new"))).key_id == "new"


async def test_a_withdrawn_key_is_refused_after_the_key_set_is_old() -> None:
    issuer = Issuer("a")
    await issuer.keys.find(issuer.token("a"))
    issuer.kids = ["b"]
    issuer.now += WAIT_FOR_REFRESH_AFTER_SECONDS + 1
    with pytest.raises(UnknownKeyError):
        await issuer.keys.find(issuer.token("a"))


async def test_a_slow_issuer_does_not_delay_tokens_with_a_known_key() -> None:
    issuer = Issuer("a")
    await issuer.keys.find(issuer.token("a"))
    issuer.may_answer.clear()
    issuer.kids = ["b"]
    issuer.now += REFRESH_AFTER_SECONDS + 1
    waiting = asyncio.create_task(issuer.keys.find(issuer.token("b")))
    await asyncio.sleep(0)
    for _ in range(3):
        assert (await issuer.keys.find(issuer.token("a"))).key_id == "a"
    issuer.may_answer.set()
    assert (await waiting).key_id == "b"
    with pytest.raises(UnknownKeyError):
        await issuer.keys.find(issuer.token("a"))
    assert issuer.fetches == 2


async def test_concurrent_unknown_keys_share_one_fetch_that_survives_a_cancelled_caller() -> None:
    issuer = Issuer("a")
    issuer.may_answer.clear()
    gone, known, unknown = (asyncio.create_task(issuer.keys.find(issuer.token(kid))) for kid in ("a", "a", "new"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    issuer.may_answer.set()
    assert (await known).key_id == "a"
    with pytest.raises(UnknownKeyError):
        await unknown
    assert issuer.fetches == 1


async def test_the_old_keys_are_used_for_an_hour_while_the_issuer_is_unavailable() -> None:
    issuer = Issuer("a")
    await issuer.keys.find(issuer.token("a"))
    issuer.away = True
    issuer.now += MAX_AGE_SECONDS - 1
    await issuer.keys.find(issuer.token("a"))
    issuer.now += 2
    verifier = TokenVerifier(some_settings(jwt_secret=None, jwt_jwks_url="http://localhost:9/"), issuer.keys)
    with pytest.raises(UnavailableError):
        await verifier.authenticate(bearing(issuer.token("a")))


async def test_a_token_without_a_key_id_is_refused_without_a_fetch() -> None:
    issuer = Issuer("a")
    with pytest.raises(jwt.InvalidTokenError):
        await issuer.keys.find(issuer.token(None))
    assert issuer.fetches == 0


@pytest.fixture
def key_server() -> Iterator[Callable[[dict[str, Any]], str]]:
    body = b""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()

    def publish(keys: dict[str, Any]) -> str:
        nonlocal body
        body = json.dumps(keys).encode()
        return f"http://127.0.0.1:{server.server_port}/jwks.json"

    yield publish
    server.shutdown()
    thread.join()
    server.server_close()


async def test_keys_are_fetched_from_the_url_of_the_issuer(
    key_server: Callable[[dict[str, Any]], str],
) -> None:
    shared = {"kty": "oct", "kid": "shared", "k": jwt.utils.base64url_encode(SECRET.encode()).decode()}
    url = key_server({"keys": [jwk("a"), shared]})
    verifier = a_verifier(jwt_secret=None, jwt_jwks_url=url)
    caller = await verifier.authenticate(bearing(a_token(RSA_KEY, "RS256", headers={"kid": "a"})))
    assert caller.user_id == "usr_a"
    with pytest.raises(UnauthorizedError):
        await verifier.authenticate(bearing(a_token(headers={"kid": "shared"})))


@pytest.mark.parametrize(
    "published", [{}, {"keys": []}, {"keys": [{"kty": "?"}]}, [], {"keys": ["x" * MAX_FETCH_BYTES]}]
)
async def test_an_invalid_key_set_is_not_reported_as_a_bad_token(
    key_server: Callable[[Any], str], published: Any
) -> None:
    verifier = a_verifier(jwt_secret=None, jwt_jwks_url=key_server(published))
    with pytest.raises(UnavailableError):
        await verifier.authenticate(bearing(a_token(RSA_KEY, "RS256", headers={"kid": "a"})))
