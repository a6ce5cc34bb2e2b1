"""Puts the edge together: routes, middleware, and what starts and ends with the server."""

import asyncio
import contextlib
import functools
import gc
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

import tallystick
from tallystick.auth.credentials import note_uses
from tallystick.kernel.clock import Clock
from tallystick.kernel.coalescing import Coalescer
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.sealing import Sealer
from tallystick.kernel.signing import Signer
from tallystick.payments.provider import Provider
from tallystick.web import health, openapi, pages
from tallystick.web.api import (
    alarms,
    audit_trail,
    credit_notes,
    customers,
    events,
    explanations,
    invitations,
    invoices,
    keys,
    labels,
    ledger,
    logins,
    me,
    members,
    metrics,
    online_payments,
    organizations,
    payer_links,
    payers,
    payments,
    personal_tokens,
    providers,
    refunds,
    roles,
    rules,
    statements,
    two_factor,
    users,
)
from tallystick.web.dialects.frame import NONE_CHOSEN, Chosen, Dialects, Mounted, own_path
from tallystick.web.dialects.registry import DIALECTS
from tallystick.web.direct import DirectRoute
from tallystick.web.edge import Edge
from tallystick.web.hashing import Hashing
from tallystick.web.identity import Callers
from tallystick.web.limits import UNLIMITED, Limits, Rates
from tallystick.web.metrics import Metrics
from tallystick.web.middleware import Shell
from tallystick.web.provider_calls import ProviderCalls

NOTE_EVERY_S: Final = 60.0
"""How often the last uses of credentials are kept."""

NO_PROVIDERS: Final[Mapping[str, Provider]] = MappingProxyType({})

log = structlog.get_logger(__name__)

_STATIC = Path(__file__).parent / "static"
# Looked up in this order, so what is asked for most stands first. Not by `include_router`: that
# matches every address twice on its way to an operation.
OPERATIONS: list[BaseRoute] = [
    route
    for noun in (
        *(payments, invoices, credit_notes, customers, organizations, ledger, statements),
        *(refunds, payers, payer_links, members, invitations, roles, keys, personal_tokens),
        *(logins, me, two_factor, users, audit_trail, events, online_payments, metrics),
        *(alarms, providers, rules, explanations, labels),
    )
    for route in noun.router.routes
]
_PAGES: list[BaseRoute] = [
    *health.ROUTES,
    *pages.ROUTES,
    Route("/openapi.json", openapi.Document(OPERATIONS).serve, methods=["GET"]),
    Mount("/static", StaticFiles(directory=_STATIC)),
]


def make_app(
    *,
    database: Database,
    clock: Clock,
    signer: Signer,
    sealer: Sealer,
    environment: str,
    migration_status: Callable[[], tuple[str | None, str]],
    dialects: Chosen = NONE_CHOSEN,
    rates: Rates = UNLIMITED,
    providers: Mapping[str, Provider] = NO_PROVIDERS,
    provider_timeout_s: float = 10.0,
) -> FastAPI:
    """Make the application. Whoever gave the database closes it, after the application ended."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # What was loaded until now stays for ever, so the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.enable()
        coalescer = Coalescer(database)
        callers = Callers(signer, clock)
        hashing = Hashing()
        calls = ProviderCalls(providers, provider_timeout_s)
        readers = ThreadPoolExecutor(database.readers, thread_name_prefix="reader")
        app.state.edge = Edge(
            database=database,
            coalescer=coalescer,
            readers=readers,
            clock=clock,
            signer=signer,
            sealer=sealer,
            callers=callers,
            hashing=hashing,
            limits=Limits(rates),
            metrics=app.state.metrics,
            providers=calls,
            environment=environment,
            migration_status=migration_status,
        )
        noting = asyncio.create_task(_note_uses(app.state.edge))
        try:
            yield
        finally:
            noting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await noting
            await calls.close()
            await coalescer.close()
            hashing.close()
            readers.shutdown()

    app = _Application(
        title="Tallystick",
        version=tallystick.__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        # Nobody has switched it on yet, and asking whether somebody has costs every request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.production = environment == "production"
    app.state.metrics = Metrics()
    app.state.dialects = Dialects(DIALECTS, dialects)
    # A dialect at the root takes the addresses of our own documentation; `/v1` stays.
    app.router.routes[:] = [*OPERATIONS, *app.state.dialects.routes, *_PAGES]
    return app


async def _note_uses(edge: Edge) -> None:
    """Keep when credentials were last used, every minute and once more at the end."""
    stopping = False
    while not stopping:
        try:
            await asyncio.sleep(NOTE_EVERY_S)
        except asyncio.CancelledError:
            stopping = True
        uses = edge.callers.uses()
        if uses:
            try:
                await edge.write(functools.partial(note_uses, uses=uses))
            except Unavailable as error:
                log.warning("uses not noted", error=str(error))


class _Application(FastAPI):
    """FastAPI with two layers around its routes instead of six, none of which would do anything."""

    def build_middleware_stack(self) -> ASGIApp:
        """Put our layer outermost."""
        refusing = ExceptionMiddleware(self.router, handlers={HTTPException: _refuse})
        return Shell(
            _Lookup(refusing),
            metrics=self.state.metrics,
            production=self.state.production,
            dialects=self.state.dialects,
        )


class _Lookup:
    """Finds the operations whose address is always the same at once; the router finds the rest."""

    def __init__(self, rest: ASGIApp) -> None:
        self._rest = rest
        self._found = {
            (method, route.path): route
            for route in OPERATIONS
            if isinstance(route, DirectRoute) and not route.param_convertors
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        route = self._found.get((scope["method"], scope["path"])) if "method" in scope else None
        if route is None:
            await self._rest(scope, receive, send)
            return
        scope["path_params"] = {}
        await route.handle(scope, receive, send)


async def _refuse(request: Request, error: Exception) -> Response:
    """Answer what no route wanted: an unknown address, or a method that it does not have."""
    assert isinstance(error, HTTPException)
    mounted = request.app.state.dialects.owner(request.scope)
    if mounted is not None:
        return _refuse_as(mounted, request, error)
    if error.status_code != 405:  # noqa: PLR2004  # Method Not Allowed
        return pages.not_found(request.scope)
    allowed = ", ".join(_methods(request))
    detail = f"{request.method} is not possible here. Use {allowed}."
    return pages.refused(
        request.scope, "request.method_unknown", detail, headers={"Allow": allowed}
    )


def _refuse_as(mounted: Mounted, request: Request, error: HTTPException) -> Response:
    headers = {}
    if error.status_code == 405:  # noqa: PLR2004  # Method Not Allowed
        headers["Allow"] = ", ".join(mounted.methods(own_path(request.scope)))
    return mounted.dialect.refuse(error.status_code, error.detail, headers)


def _methods(request: Request) -> list[str]:
    """Name every method that an address has, whichever routes serve them."""
    methods: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))
