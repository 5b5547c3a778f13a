"""What `kafka-acls.sh --add` does, for the options of docs/operations.md: Kafka's tools are not among its jars."""

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
    asked = parser.parse_args(arguments)
    if asked.cluster:
        resource, name = ResourceType.BROKER, "kafka-cluster"
    else:
        resource, name = (ResourceType.TOPIC, asked.topic) if asked.topic else (ResourceType.GROUP, asked.group)
    pattern = ResourcePatternType[asked.resource_pattern_type.upper()]
    rights = [
        AclBinding(
            resource, name, pattern, asked.allow_principal, "*", AclOperation[right.upper()], AclPermissionType.ALLOW
        )
        for right in asked.operation
    ]
    admin = AdminClient({"bootstrap.servers": asked.bootstrap_server, "log_level": 0})
    for made in admin.create_acls(rights).values():
        made.result(10)


if __name__ == "__main__":
    main(sys.argv[1:])
