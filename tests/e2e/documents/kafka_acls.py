"""Replacement of `kafka-acls.sh --add`, for the options of docs/operations.md. Kafka's jars lack this tool."""

import argparse
import sys

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    for name in ("bootstrap-server", "command-config", "allow-principal", "topic", "group"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--cluster", action="store_true")
    parser.add_argument("--operation", action="append")
    parser.add_argument("--resource-pattern-type", default="literal", choices=["literal", "prefixed"])
    options = parser.parse_args(arguments)
    if options.cluster:
        resource, name = ResourceType.BROKER, "kafka-cluster"
    else:
        resource, name = (ResourceType.TOPIC, options.topic) if options.topic else (ResourceType.GROUP, options.group)
    pattern = ResourcePatternType[options.resource_pattern_type.upper()]
    rights = [
        AclBinding(
            resource, name, pattern, options.allow_principal, "*", AclOperation[right.upper()], AclPermissionType.ALLOW
        )
        for right in options.operation
    ]
    admin = AdminClient({"bootstrap.servers": options.bootstrap_server, "log_level": 0})
    for result in admin.create_acls(rights).values():
        result.result(10)


if __name__ == "__main__":
    main(sys.argv[1:])
