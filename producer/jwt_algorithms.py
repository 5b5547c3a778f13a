"""Signature algorithms that suit a key. A key has one family, and families are never mixed (RFC 8725, 2.1, 3.1)."""

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


def algorithms_for(configured: Algorithms, *, public_key: str | None, secret: bool) -> Algorithms:
    """Return the algorithms to accept: the configured ones, or else the defaults of the key.

    Raises ValueError that names the variable. Each key of a JWKS brings its own algorithm. There the list restricts
    the accepted ones.
    """
    default: Algorithms
    if secret:
        default, allowed = HMAC[:1], HMAC
    elif public_key is not None:
        default, allowed = _algorithms_of_pem(public_key)
    else:
        default, allowed = ("RS256", "ES256", EDWARDS), ASYMMETRIC
    unsuitable = [name for name in configured if name not in allowed]
    if unsuitable:
        raise ValueError(
            f"ROLLCALL_JWT_ALGORITHMS: must be among {', '.join(allowed)} for this key, not {', '.join(unsuitable)}"
        )
    return configured or default


def _algorithms_of_pem(pem: str) -> tuple[Algorithms, Algorithms]:
    """Return the default and the allowed algorithms of a public key."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("ROLLCALL_JWT_PUBLIC_KEY: must be a public key in PEM") from None
    match key:
        case RSAPublicKey() if key.key_size >= 2048:
            return RSA[:1], RSA
        case EllipticCurvePublicKey() if key.curve.name in CURVES:
            return (CURVES[key.curve.name],), (CURVES[key.curve.name],)
        case Ed25519PublicKey():
            return (EDWARDS,), (EDWARDS,)
        case _:
            raise ValueError(
                "ROLLCALL_JWT_PUBLIC_KEY: must be RSA of at least 2,048 bits, P-256, P-384, P-521 or Ed25519"
            )
