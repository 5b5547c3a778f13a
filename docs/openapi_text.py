"""Text of docs/openapi.json, the document that the HTTP service serves at /openapi.json."""  # noqa: INP001

import base64
import json

from pydantic import SecretStr

from producer.app import build_app
from producer.openapi.document import build_document
from producer.settings import ProducerSettings


def openapi_text() -> str:
    """Return the document as JSON. An app that is not started does not connect."""
    settings = ProducerSettings(
        kafka_bootstrap="localhost:9092",
        mongo_url=SecretStr("mongodb://localhost:27017"),
        sealing_keys=SecretStr("k1:" + base64.b64encode(bytes(32)).decode()),
        jwt_secret=SecretStr("x" * 32),
        jwt_public_key=None,
        jwt_jwks_url=None,
    )
    return json.dumps(build_document(build_app(settings)), indent=2, ensure_ascii=False) + "\n"
