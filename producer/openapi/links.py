"""What leads from an answer of one operation to the next operation."""

from typing import Any

Json = dict[str, Any]

_FIRST = "$response.body#/items/0/"
_ITS_LOG = {
    "operationId": "read_log",
    "parameters": {"log_id": _FIRST + "id"},
    "description": "One delivery of the page.",
}
_NEXT_PAGE = {
    "parameters": {"after": "$response.body#/pagination/next"},
    "description": "The next page, while there is one.",
}

_ITSELF = {
    "request": {
        "operationId": "read_request",
        "parameters": {"request_id": "$response.body#/request_id"},
        "description": "How far it is.",
    },
}

LINKS: dict[str, Json] = {
    "send_bulk": {
        "request": {
            "operationId": "read_request",
            "parameters": {"request_id": "$response.header.X-Request-Id"},
            "description": "What became of it, once a consumer has taken it up.",
        },
        "deliveries": {
            "operationId": "list_logs",
            "parameters": {"request_id": "$response.header.X-Request-Id"},
            "description": "Its deliveries.",
        },
        "delivery": _ITS_LOG,
    },
    "list_logs": {"delivery": _ITS_LOG, "next": {"operationId": "list_logs", **_NEXT_PAGE}},
    "search_logs": {"delivery": _ITS_LOG},
    "read_log": {
        "request": {
            "operationId": "read_request",
            "parameters": {"request_id": "$response.body#/request_id"},
            "description": "The request that it is of.",
        },
    },
    "list_requests": {
        "request": {
            "operationId": "read_request",
            "parameters": {"request_id": _FIRST + "request_id"},
            "description": "One request of the page.",
        },
        "next": {"operationId": "list_requests", **_NEXT_PAGE},
    },
    "read_request": {
        "deliveries": {
            "operationId": "list_logs",
            "parameters": {"request_id": "$response.body#/request_id"},
            "description": "Its deliveries.",
        },
    },
    **dict.fromkeys(("cancel_scheduled", "cancel", "pause", "resume"), _ITSELF),
}
"""By operation, from its 200."""
