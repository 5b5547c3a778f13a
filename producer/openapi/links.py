"""Links from the response of one operation to the next operation."""

from typing import Any

Json = dict[str, Any]

_FIRST = "$response.body#/items/0/"
_DELIVERY_ON_PAGE = {
    "operationId": "read_log",
    "parameters": {"log_id": _FIRST + "id"},
    "description": "One delivery on the page.",
}
_NEXT_PAGE = {
    "parameters": {"after": "$response.body#/pagination/next"},
    "description": "The next page, if there is one.",
}

_CONTROLLED_REQUEST = {
    "request": {
        "operationId": "read_request",
        "parameters": {"request_id": "$response.body#/request_id"},
        "description": "The progress of the request.",
    },
}

LINKS: dict[str, Json] = {
    "send_bulk": {
        "request": {
            "operationId": "read_request",
            "parameters": {"request_id": "$response.header.X-Request-Id"},
            "description": "The request, visible after a consumer has expanded it.",
        },
        "deliveries": {
            "operationId": "list_logs",
            "parameters": {"request_id": "$response.header.X-Request-Id"},
            "description": "The deliveries of the request.",
        },
        "delivery": _DELIVERY_ON_PAGE,
    },
    "list_logs": {"delivery": _DELIVERY_ON_PAGE, "next": {"operationId": "list_logs", **_NEXT_PAGE}},
    "search_logs": {"delivery": _DELIVERY_ON_PAGE},
    "read_log": {
        "request": {
            "operationId": "read_request",
            "parameters": {"request_id": "$response.body#/request_id"},
            "description": "The request of the delivery.",
        },
    },
    "list_requests": {
        "request": {
            "operationId": "read_request",
            "parameters": {"request_id": _FIRST + "request_id"},
            "description": "One request on the page.",
        },
        "next": {"operationId": "list_requests", **_NEXT_PAGE},
    },
    "read_request": {
        "deliveries": {
            "operationId": "list_logs",
            "parameters": {"request_id": "$response.body#/request_id"},
            "description": "The deliveries of the request.",
        },
    },
    "create_provider": {
        "provider": {
            "operationId": "read_provider",
            "parameters": {"provider_id": "$response.body#/data/id"},
            "description": "The new provider.",
        },
        "change": {
            "operationId": "update_provider",
            "parameters": {"provider_id": "$response.body#/data/id"},
            "description": "A change of the new provider.",
        },
        "end": {
            "operationId": "delete_provider",
            "parameters": {"provider_id": "$response.body#/data/id"},
            "description": "The end of the new provider.",
        },
    },
    "list_consents": {
        "next": {
            "operationId": "list_consents",
            "parameters": {"after": "$response.body#/next"},
            "description": "The next page, if there is one.",
        },
    },
    "list_suppressions": {
        "next": {
            "operationId": "list_suppressions",
            "parameters": {"after": "$response.body#/next"},
            "description": "The next page, if there is one.",
        },
    },
    **dict.fromkeys(("cancel_scheduled", "cancel", "pause", "resume"), _CONTROLLED_REQUEST),
}
"""Links from the success of each operation."""
