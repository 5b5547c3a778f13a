"""Which signature algorithms suit a key: one family a key, never mixed (RFC 8725, 2.1, 3.1)."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

Algorithms = tuple[str, ...]

HMAC: Algorithms = ("HS256", "HS384", "HS512")
RSA: Algorithms = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
EDWARDS = "EdDSA"
ASYMMETRIC: Algorithms = (*RSA, *CURVES.values(), EDWARDS)


def algorithms_for(wanted: Algorithms, *, public_key: str | None, secret: bool) -> Algorithms:
    """The algorithms to accept: those wanted, else the usual ones of the key. Raises ValueError naming a variable.

    Keys of a JWKS each bring their own algorithm; there the list says which of them count.
    """
    usual: Algorithms
    if secret:
        usual, possible = HMAC[:1], HMAC
    elif public_key is not None:
        usual, possible = _of_pem(public_key)
    else:
        usual, possible = ("RS256", "ES256", EDWARDS), ASYMMETRIC
    foreign = [name for name in wanted if name not in possible]
    if foreign:
        raise ValueError(f"ROLLCALL_JWT_ALGORITHMS: the key allows {', '.join(possible)}, not {', '.join(foreign)}")
    return wanted or usual


def _of_pem(pem: str) -> tuple[Algorithms, Algorithms]:
    """(usual, possible) algorithms of a public key."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("ROLLCALL_JWT_PUBLIC_KEY: is not a public key in PEM") from None
    match key:
        case RSAPublicKey() if key.key_size >= 2048:
            return RSA[:1], RSA
        case EllipticCurvePublicKey() if key.curve.name in CURVES:
            return (CURVES[key.curve.name],), (CURVES[key.curve.name],)
        case Ed25519PublicKey():
            return (EDWARDS,), (EDWARDS,)
        case _:
            raise ValueError("ROLLCALL_JWT_PUBLIC_KEY: is neither RSA of 2,048 bits, nor P-256/384/521, nor Ed25519")
