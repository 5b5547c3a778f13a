"""Entries of the providers that tenants manage themselves."""

import json
from collections.abc import Mapping
from typing import Any

from providers.config_file import parse
from providers.entries import ProviderEntry
from schemas.statuses import Channel


def parse_tenant_entry(name: str, channel: Channel, priority: int, config: str) -> ProviderEntry:
    """Validate the configuration of a tenant's provider: a JSON object with the fields of its kind.

    `kind` may be absent if the name is one. Raises ValueError with one line for each problem.
    """
    fields: Mapping[str, Any] = json.loads(config)
    entry = {"kind": name, **fields, "name": name, "channel": channel.value, "priority": priority}
    return parse([entry])[0]
