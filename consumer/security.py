"""Kafka's TLS and SASL as FastStream wants them."""

from typing import Any

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

_SASL = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}


def security_of(options: dict[str, Any]) -> BaseSecurity:
    """FastStream's security object for the options that `CommonSettings.kafka_options` makes."""
    context, uses_tls = options.get("ssl_context"), options["security_protocol"].endswith("SSL")
    mechanism = options.get("sasl_mechanism")
    if mechanism is None:
        return BaseSecurity(ssl_context=context, use_ssl=uses_tls)
    return _SASL[mechanism](
        username=options["sasl_plain_username"],
        password=options["sasl_plain_password"],
        ssl_context=context,
        use_ssl=uses_tls,
    )
