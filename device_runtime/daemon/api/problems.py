"""Errors as problem documents (RFC 9457), with the message and hint of the command line."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from edgecl.console import translate_os_error
from edgecl.errors import (
    AudioError,
    DatasetError,
    DiskFullError,
    EdgeclError,
    NoPreviousVersionError,
    NoStoreError,
    NoTasksError,
    NoTrainingSetError,
    SourceError,
    StoreBusyError,
    StoreError,
    TaskChangedError,
    TaskExistsError,
    UnknownSoundError,
    UnknownTaskError,
    UsageError,
)

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """Why a request failed."""

    title: str
    status: int
    detail: str
    """What happened, in one sentence."""
    hint: str = ""
    """What to do next; empty if nothing can be done."""


class TooMuchError(EdgeclError):
    """A limit of the API is exceeded."""


class BusyError(EdgeclError):
    """The resource is in use; try again later."""


class ForbiddenError(EdgeclError):
    """The configuration forbids the request."""


class NotHereError(EdgeclError):
    """There is no resource of this name."""


class InvalidUploadError(EdgeclError):
    """The uploaded file is not what the route needs."""


STATUS: dict[type[EdgeclError], HTTPStatus] = {
    UnknownTaskError: HTTPStatus.NOT_FOUND,
    UnknownSoundError: HTTPStatus.NOT_FOUND,
    NoStoreError: HTTPStatus.NOT_FOUND,
    NotHereError: HTTPStatus.NOT_FOUND,
    TaskExistsError: HTTPStatus.CONFLICT,
    TaskChangedError: HTTPStatus.CONFLICT,
    NoTrainingSetError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NoPreviousVersionError: HTTPStatus.CONFLICT,
    BusyError: HTTPStatus.CONFLICT,
    UsageError: HTTPStatus.BAD_REQUEST,
    AudioError: HTTPStatus.UNPROCESSABLE_ENTITY,
    DatasetError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NoTasksError: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidUploadError: HTTPStatus.UNPROCESSABLE_ENTITY,
    SourceError: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreBusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    DiskFullError: HTTPStatus.INSUFFICIENT_STORAGE,
    TooMuchError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ForbiddenError: HTTPStatus.FORBIDDEN,
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {"description": "A problem", "model": Problem, "content": {MEDIA_TYPE: {}}}
}


def find_status(error: EdgeclError) -> HTTPStatus:
    """Return the HTTP status of an error, from the narrowest class listed in `STATUS`; else 500."""
    statuses = (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return next(statuses, HTTPStatus.INTERNAL_SERVER_ERROR)


def make_response(status: int, detail: str, hint: str = "") -> JSONResponse:
    """Return a problem document as a response."""
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, hint=hint)
    return JSONResponse(problem.model_dump(), status, media_type=MEDIA_TYPE)


def install_handlers(app: FastAPI) -> None:
    """Have every exception of the routes answered by a problem document."""
    app.add_exception_handler(EdgeclError, _handle_edgecl_error)
    app.add_exception_handler(OSError, _handle_os_error)
    app.add_exception_handler(RequestValidationError, _handle_validation_error)
    app.add_exception_handler(HTTPException, _handle_http_exception)
    app.add_exception_handler(ClientDisconnect, _handle_disconnect)
    app.add_exception_handler(Exception, _handle_bug)


async def _handle_edgecl_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, EdgeclError)
    return make_response(find_status(error), error.message, error.hint)


async def _handle_os_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError)
    return await _handle_edgecl_error(request, translate_os_error(error))


async def _handle_validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
    return make_response(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(faults), "see /docs")


async def _handle_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    response = make_response(error.status_code, error.detail, "see /docs" if error.status_code == 404 else "")
    response.headers.update(error.headers or {})
    return response


async def _handle_disconnect(request: Request, error: Exception) -> JSONResponse:
    """Answer a client that closed the connection while sending, for the log alone."""
    return make_response(HTTPStatus.BAD_REQUEST, "the connection was closed before the end of the body")


async def _handle_bug(request: Request, error: Exception) -> JSONResponse:
    """Answer a bug; the server prints the traceback on stderr."""
    return make_response(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a bug in edgecl", "see the log")
