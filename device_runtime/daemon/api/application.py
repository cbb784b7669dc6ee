"""The routes, put together."""

from fastapi import FastAPI

from device_runtime.daemon.api import (
    carrying,
    enrolments,
    live,
    metrics,
    page,
    problems,
    site,
    sounds,
    status,
    stream,
    system,
    tasks,
)
from device_runtime.daemon.api.guard import Guard, names_of
from device_runtime.daemon.api.place import Place
from device_runtime.doctor import version_of

PARTS = (status, carrying, tasks, enrolments, stream, sounds, live, system, metrics, page, site)


def application(place: Place) -> FastAPI:
    """The API of a daemon."""
    app = FastAPI(
        title="edgecl",
        version=version_of("edgecl") or "0",
        docs_url=None,
        redoc_url=None,
        responses=problems.RESPONSES,
    )
    app.state.place = place
    problems.install(app)
    for part in PARTS:
        app.include_router(part.router)
    app.mount("/page", site.site)
    config = place.config.api
    app.add_middleware(Guard, names=names_of(config), token=config.token.get_secret_value())
    return app
