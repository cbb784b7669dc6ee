"""The routes, put together."""

from fastapi import FastAPI

from device_runtime.daemon.api import enrolments, metrics, page, problems, status, stream, tasks
from device_runtime.daemon.api.guard import Guard, names_of
from device_runtime.daemon.api.place import Place
from device_runtime.doctor import version_of

ROUTERS = (status.router, tasks.router, enrolments.router, stream.router, metrics.router, page.router)


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
    for router in ROUTERS:
        app.include_router(router)
    config = place.config.api
    app.add_middleware(Guard, names=names_of(config), token=config.token.get_secret_value())
    return app
