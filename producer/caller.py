"""Caller of a route that needs a token."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from pydantic import BaseModel

from producer.auth.token_verifier import Principal
from producer.dependencies import Dependencies
from producer.errors import BadRequestError
from producer.http.query_names import unknown_parameter

Caller = Callable[[Request], Coroutine[Any, Any, Principal]]


def caller_with(deps: Dependencies, scope: str, query: type[BaseModel] | None = None) -> Caller:
    """Return a dependency that admits callers with a scope, and refuses parameters that the query does not have."""
    names = frozenset(query.model_fields if query else ())

    async def caller(request: Request) -> Principal:
        principal = await deps.gate.admit(request.headers, scope)
        for name in request.query_params:
            if name not in names:
                raise unknown_parameter(names)
            if len(request.query_params.getlist(name)) > 1:
                raise BadRequestError(f"{name}: is given twice")
        return principal

    return caller
