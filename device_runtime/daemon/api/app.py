"""The routes, put together."""

from fastapi import FastAPI

from device_runtime.daemon.api import problems
from device_runtime.daemon.api.auth import Guard, names_of
from device_runtime.daemon.api.context import ApiContext
from device_runtime.daemon.api.routes import (
    api_docs,
    enrolments,
    events,
    live,
    metrics,
    page,
    sounds,
    status,
    system,
    tasks,
    transfer,
)
from device_runtime.system.packages import installed_version

PARTS = (status, transfer, tasks, enrolments, events, sounds, live, system, metrics, api_docs, page)


def application(place: ApiContext) -> FastAPI:
    """The API of a daemon."""
    app = FastAPI(
        title="edgecl",
        version=installed_version("edgecl") or "0",
        docs_url=None,
        redoc_url=None,
        responses=problems.RESPONSES,
    )
    app.state.place = place
    problems.install(app)
    for part in PARTS:
        app.include_router(part.router)
    app.mount("/page", page.site)
    config = place.config.api
    app.add_middleware(Guard, names=names_of(config), token=config.token.get_secret_value())
    return app
