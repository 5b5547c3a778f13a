"""Routes for the providers that a tenant manages itself. Callers see and change those of their own tenant only."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from core.ids import provider_id
from ledger.tenant_port import StoredProvider
from producer.auth.token_verifier import ADMIN, READ, Principal
from producer.caller import caller_with
from producer.dependencies import Dependencies
from producer.errors import BadRequestError
from producer.http.body_errors import parse_body
from producer.responses import json_response
from producer.tenant_providers.answers import list_answer, provider_config
from producer.tenant_providers.bodies import MAX_BODY_BYTES, add_config_problems
from producer.tenant_providers.changes import ProviderEditor, find_provider
from producer.tenant_providers.store import change_providers, read_providers
from providers.network import Network
from schemas.http_responses import SimpleResponse
from schemas.provider_configs import (
    CreateProviderConfigRequest,
    OkResponse,
    ProviderConfigListResponse,
    ProviderConfigResponse,
    UpdateProviderConfigRequest,
)
from schemas.query_parameters import ProviderFilter

READ_PATH, WRITE_PATH = "/communication/providers", "/admin/communication/providers"

Responses = dict[int | str, dict[str, Any]]


def _errors(*statuses: int) -> Responses:
    return {status: {"model": SimpleResponse} for status in (400, 401, 403, 429, 500, 503, *statuses)}


def provider_routes(deps: Dependencies) -> APIRouter:
    """Return the routes, bound to the parts of the service."""
    router = APIRouter()
    _add_read_routes(router, deps)
    _add_write_routes(router, deps)
    return router


def _add_read_routes(router: APIRouter, deps: Dependencies) -> None:
    @router.get(READ_PATH, response_model=ProviderConfigListResponse, responses=_errors())
    async def list_providers(
        principal: Annotated[Principal, Depends(caller_with(deps, READ, ProviderFilter))],
        query: Annotated[ProviderFilter, Query()],
    ) -> Response:
        """List the providers that the tenant manages itself, by channel and priority. Secrets are hidden."""
        providers = await read_providers(deps, principal.tenant_id)
        return json_response(list_answer(providers, query, principal.tenant_id, deps.sealer, deps.clock.now()))

    @router.get(f"{READ_PATH}/{{provider_id}}", response_model=ProviderConfigResponse, responses=_errors(404))
    async def read_provider(
        provider_id: str, principal: Annotated[Principal, Depends(caller_with(deps, READ))]
    ) -> Response:
        """Return one provider that the tenant manages itself. Secrets are hidden."""
        stored = find_provider(await read_providers(deps, principal.tenant_id), provider_id)
        return json_response(_answer(deps, principal, stored))


def _add_write_routes(router: APIRouter, deps: Dependencies) -> None:
    admin = Annotated[Principal, Depends(caller_with(deps, ADMIN))]
    of_body = _errors(404, 408, 413, 415)

    @router.post(
        WRITE_PATH, status_code=201, response_model=ProviderConfigResponse, responses=_errors(408, 409, 413, 415)
    )
    async def create_provider(request: Request, principal: admin) -> Response:
        """Add a provider that the tenant manages itself. It serves its channel within 10 s, alone or with others."""
        async with deps.body_reader.read(request, principal.tenant_id, MAX_BODY_BYTES) as raw:
            body = _parse_creation(bytes(raw))
        created = await _create(deps, principal, body)
        headers = {"Location": f"{READ_PATH}/{created.id}"}
        return json_response(_answer(deps, principal, created, 201), headers, 201)

    @router.put(f"{WRITE_PATH}/{{provider_id}}", response_model=ProviderConfigResponse, responses=of_body)
    async def update_provider(request: Request, provider_id: str, principal: admin) -> Response:
        """Change a provider that the tenant manages itself. Running consumers use the change within 10 s."""
        async with deps.body_reader.read(request, principal.tenant_id, MAX_BODY_BYTES) as raw:
            body = await _parse_update(deps, principal, provider_id, bytes(raw))
        editor = _editor(deps, principal)
        providers = await change_providers(
            deps,
            principal.tenant_id,
            lambda ledger, stored: editor.update(stored.providers, provider_id, body, ledger.now()),
        )
        return json_response(_answer(deps, principal, find_provider(providers, provider_id)))

    @router.delete(f"{WRITE_PATH}/{{provider_id}}", response_model=OkResponse, responses=_errors(404))
    async def delete_provider(provider_id: str, principal: admin) -> Response:
        """Delete a provider that the tenant manages itself. What it may have sent is not sent again."""
        editor = _editor(deps, principal)
        await change_providers(
            deps, principal.tenant_id, lambda _ledger, stored: editor.delete(stored.providers, provider_id)
        )
        return json_response(OkResponse(code=200, message="ok"))


def _parse_creation(body: bytes) -> CreateProviderConfigRequest:
    try:
        return parse_body(CreateProviderConfigRequest, body)
    except BadRequestError as error:
        raise add_config_problems(error, body) from None


async def _parse_update(
    deps: Dependencies, principal: Principal, provider: str, body: bytes
) -> UpdateProviderConfigRequest:
    try:
        return parse_body(UpdateProviderConfigRequest, body)
    except BadRequestError as error:
        stored = find_provider(await read_providers(deps, principal.tenant_id), provider)
        raise add_config_problems(error, body, stored.name, stored.channel) from None


async def _create(deps: Dependencies, principal: Principal, body: CreateProviderConfigRequest) -> StoredProvider:
    editor, new_id = _editor(deps, principal), provider_id(deps.clock.random_bytes(10))
    providers = await change_providers(
        deps, principal.tenant_id, lambda ledger, stored: editor.create(stored.providers, new_id, body, ledger.now())
    )
    return find_provider(providers, new_id)


def _editor(deps: Dependencies, principal: Principal) -> ProviderEditor:
    settings = deps.settings
    return ProviderEditor(
        principal.tenant_id,
        deps.sealer,
        settings.tenant_max_providers,
        settings.tenant_max_connections,
        Network(settings.tenant_networks),
    )


def _answer(
    deps: Dependencies, principal: Principal, stored: StoredProvider, status: int = 200
) -> ProviderConfigResponse:
    data = provider_config(stored, principal.tenant_id, deps.sealer)
    return ProviderConfigResponse(code=status, data=data, message="ok", timestamp=deps.clock.now())
