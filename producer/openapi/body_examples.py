"""Examples of bodies in the OpenAPI document, of the routes that read their bodies themselves."""

from typing import Any

from pydantic import BaseModel

from schemas.bulk_body import BulkSendRequest
from schemas.consents import ConsentAddition, ConsentWithdrawal
from schemas.personal_data import EraseUserDataRequest, ExportUserDataRequest
from schemas.provider_configs import CreateProviderConfigRequest, UpdateProviderConfigRequest
from schemas.query_parameters import LogSearch
from schemas.suppressions import SuppressedRecipient, SuppressionAddition, SuppressionRemoval

Json = dict[str, Any]

REQUEST = "019d9103-3601-7c1c-8707-070707070707"

_PERSONS: Json = {
    "user": {"summary": "The requests of a user", "value": {"user_id": "usr_abc123"}},
    "address": {
        "summary": "The deliveries to a recipient",
        "value": {"address": "wei@example.com", "channel": "email"},
    },
}

BODIES: dict[str, tuple[type[BaseModel], Json]] = {
    "send_bulk": (
        BulkSendRequest,
        {
            "contract": {
                "summary": "The example of the contract",
                "value": {
                    "channel": "sms",
                    "content": "您的验证码是123456",
                    "recipients": ["13800138000", "13900139000"],
                    "subject": "通知",
                    "user_id": "usr_abc123",
                },
            },
            "variables": {
                "summary": "A different text for each recipient",
                "value": {
                    "channel": "email",
                    "subject": "Hello {{name}}",
                    "content": "Your code is {{code}}",
                    "recipients": [
                        {"to": "wei@example.com", "variables": {"code": "7"}, "reference": "order-17"},
                        {"to": "anna@example.com", "variables": {"code": "8", "name": "Anna"}},
                    ],
                    "variables": {"name": "you"},
                },
            },
        },
    ),
    "search_logs": (
        LogSearch,
        {
            "recipient": {
                "summary": "Deliveries to one recipient",
                "value": {"recipient": "13800138000", "from": "2026-04-01T00:00:00Z"},
            },
            "failed": {
                "summary": "Recipients that a request did not reach",
                "value": {"request_id": REQUEST, "status": ["failed", "unknown"], "page_size": 100},
            },
        },
    ),
    "create_provider": (
        CreateProviderConfigRequest,
        {
            "vendor": {
                "summary": "An account at a vendor. The name is the kind",
                "value": {
                    "channel": "sms",
                    "provider": "vonage",
                    "config": '{"sender": "Shop", "api_key": "<key>", "api_secret": "<secret>"}',
                },
            },
            "mail": {
                "summary": "A mail server that is called second",
                "value": {
                    "channel": "email",
                    "provider": "second",
                    "priority": 200,
                    "config": '{"kind": "smtp", "host": "mail.example.com", "sender": "Shop <shop@example.com>"}',
                },
            },
        },
    ),
    "add_suppression": (
        SuppressionAddition,
        {
            "opt-out": {
                "summary": "An opt-out from one mailing list",
                "value": {
                    "channel": "email",
                    "recipient": "wei@example.com",
                    "reason": "opted_out",
                    "scope": "list:weekly-news",
                },
            },
        },
    ),
    "record_consent": (
        ConsentAddition,
        {
            "form": {
                "summary": "A consent of a form on the web",
                "value": {
                    "channel": "email",
                    "recipient": "wei@example.com",
                    "category": "marketing",
                    "way": "web-form",
                    "text_version": "2026-01",
                },
            },
        },
    ),
    "withdraw_consent": (
        ConsentWithdrawal,
        {
            "mail": {
                "summary": "No more marketing",
                "value": {"channel": "email", "recipient": "wei@example.com", "category": "marketing"},
            },
        },
    ),
    "search_consents": (
        SuppressedRecipient,
        {"mail": {"summary": "One address", "value": {"channel": "email", "recipient": "wei@example.com"}}},
    ),
    "search_suppressions": (
        SuppressedRecipient,
        {"mail": {"summary": "One address", "value": {"channel": "email", "recipient": "wei@example.com"}}},
    ),
    "remove_suppression": (
        SuppressionRemoval,
        {
            "bounced": {
                "summary": "An address that works again",
                "value": {"channel": "email", "recipient": "wei@example.com", "reason": "bounced"},
            },
        },
    ),
    "export_user_data": (ExportUserDataRequest, _PERSONS),
    "erase_user_data": (EraseUserDataRequest, _PERSONS),
    "update_provider": (
        UpdateProviderConfigRequest,
        {
            "off": {"summary": "Do not use the provider", "value": {"is_active": False}},
            "configuration": {
                "summary": "A new configuration, with all secrets",
                "value": {"config": '{"sender": "Shop", "api_key": "<key>", "api_secret": "<new secret>"}'},
            },
        },
    ),
}
"""Model and examples of the bodies that routes read themselves, by operation."""

LINES: dict[str, Json] = {
    "import_suppressions": {
        "lines": {
            "summary": "Two addresses",
            "value": '{"channel": "email", "recipient": "wei@example.com", "reason": "opted_out"}\n'
            '{"channel": "sms", "recipient": "+8613800138000", "reason": "manual", "source": "old-system"}\n',
        },
    },
}
"""Examples of the bodies that are lines of JSON, by operation."""
