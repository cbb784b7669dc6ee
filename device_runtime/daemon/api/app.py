"""The ASGI application."""

from fastapi import FastAPI
from fastapi.routing import APIRoute

from device_runtime.daemon.api import problems
from device_runtime.daemon.api.auth import AccessMiddleware, list_hosts
from device_runtime.daemon.api.body_limit import BodyLimitMiddleware
from device_runtime.daemon.api.context import ApiContext
from device_runtime.daemon.api.routes import (
    api_docs,
    cuts,
    enrolments,
    events,
    live,
    metrics,
    microphone,
    page,
    sounds,
    status,
    system,
    tasks,
    transfer,
)
from device_runtime.system.packages import find_installed_version

ROUTES = (
    *(status, microphone, transfer, tasks, enrolments, cuts, events, sounds, live, system, metrics, api_docs),
    page,
)


def create_app(context: ApiContext) -> FastAPI:
    """Return the application that serves the API of a daemon."""
    app = FastAPI(
        title="edgecl",
        version=find_installed_version("edgecl") or "0",
        docs_url=None,
        redoc_url=None,
        responses=problems.RESPONSES,
    )
    app.state.context = context
    problems.install_handlers(app)
    for module in ROUTES:
        app.include_router(module.router)
    app.mount("/page", page.files)
    config = context.config.api
    token = config.token.get_secret_value()
    app.add_middleware(BodyLimitMiddleware, uploads=_find_uploads())
    app.add_middleware(AccessMiddleware, hosts=list_hosts(config), token=token)
    return app


def _find_uploads() -> list[APIRoute]:
    """Return the routes that receive a file: they declare their body by themselves."""
    routes = [route for module in ROUTES for route in module.router.routes if isinstance(route, APIRoute)]
    return [route for route in routes if "requestBody" in (route.openapi_extra or {})]
