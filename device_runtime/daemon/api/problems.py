"""From a failure to a problem document (RFC 9457): the sentence and the hint that the command line tells."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from device_runtime.daemon.worker import RefusedError
from edgecl.console import translate_os_error
from edgecl.errors import (
    AudioError,
    DatasetError,
    EdgeclError,
    NoPreviousVersionError,
    NoStoreError,
    NoTrainingSetError,
    SourceError,
    TaskExistsError,
    UnknownSoundError,
    UnknownTaskError,
    UsageError,
)

MEDIA_TYPE = "application/problem+json"
STATUS: dict[type[EdgeclError], HTTPStatus] = {
    UnknownTaskError: HTTPStatus.NOT_FOUND,
    UnknownSoundError: HTTPStatus.NOT_FOUND,
    NoStoreError: HTTPStatus.NOT_FOUND,
    TaskExistsError: HTTPStatus.CONFLICT,
    NoTrainingSetError: HTTPStatus.CONFLICT,
    NoPreviousVersionError: HTTPStatus.CONFLICT,
    UsageError: HTTPStatus.BAD_REQUEST,
    AudioError: HTTPStatus.UNPROCESSABLE_ENTITY,
    DatasetError: HTTPStatus.UNPROCESSABLE_ENTITY,
    SourceError: HTTPStatus.SERVICE_UNAVAILABLE,
}


class Problem(BaseModel):
    """Why a request was not met."""

    title: str
    status: int
    detail: str
    """One sentence."""
    hint: str = ""
    """What to do next; empty where nothing can be done."""


class TooMuchError(EdgeclError):
    """A limit of the API is reached."""


class BusyError(EdgeclError):
    """It cannot be done now."""


class ForbiddenError(EdgeclError):
    """The configuration forbids it."""


class NotHereError(EdgeclError):
    """There is nothing of this name."""


STATUS |= {
    TooMuchError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    BusyError: HTTPStatus.CONFLICT,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    RefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotHereError: HTTPStatus.NOT_FOUND,
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {"description": "A problem", "model": Problem, "content": {MEDIA_TYPE: {}}}
}


def status_of(error: EdgeclError) -> HTTPStatus:
    """The status of the narrowest class that has one; without one the fault is on this side."""
    known = (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return next(known, HTTPStatus.INTERNAL_SERVER_ERROR)


def response(status: int, detail: str, hint: str = "") -> JSONResponse:
    """A problem document."""
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, hint=hint)
    return JSONResponse(problem.model_dump(), status, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Have every failure of the routes told so."""
    app.add_exception_handler(EdgeclError, _expected)
    app.add_exception_handler(OSError, _from_system)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(Exception, _unexpected)


async def _expected(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, EdgeclError)
    return response(status_of(error), error.message, error.hint)


async def _from_system(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError)
    return await _expected(request, translate_os_error(error))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
    return response(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(faults), "see /docs")


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    answer = response(error.status_code, error.detail, "see /docs" if error.status_code == 404 else "")
    answer.headers.update(error.headers or {})
    return answer


async def _left(request: Request, error: Exception) -> JSONResponse:
    """Who sent something went away in the midst of it; nobody hears this."""
    return response(HTTPStatus.BAD_REQUEST, "the body broke off")


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """A true bug; its traceback goes to stderr."""
    return response(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a fault of edgecl", "see the log")
