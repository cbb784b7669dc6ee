"""Routes: export a task as a file, and import it on another device."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.context import ApiContext, Context
from device_runtime.daemon.api.problems import InvalidUploadError, TooMuchError
from device_runtime.daemon.api.routes.tasks import describe_task
from device_runtime.daemon.api.schemas import Task
from device_runtime.workflows.transfer import read_foreign_task
from edgecl.errors import BlobError
from edgecl.signatures import SUFFIX, read_trusted_keys

router = APIRouter(tags=["tasks"])
BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
BLOB_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The bytes of an exported task.",
        "content": BYTES,
    }
}


@router.get("/tasks/{task}/export", response_class=Response, responses={200: {"content": BYTES}})
def export_task(context: Context, task: str) -> Response:
    """Return a task as a file that another device with the same bundle can import."""
    with context.open_store() as store:
        data = store.read_blob(task)
    name = f"{task}.safetensors"
    filename = f'filename="{name}"' if name.isascii() else f"filename*=UTF-8''{quote(name)}"
    headers = {"Content-Disposition": f"attachment; {filename}"}
    return Response(data, media_type="application/octet-stream", headers=headers)


@router.post("/tasks/import", status_code=201, openapi_extra=BLOB_BODY)
async def import_task(context: Context, request: Request, replace: bool = False) -> Task:
    """Add a task that another device exported; its training set is not part of the file."""
    with context.make_scratch_folder() as folder:
        await limits.save_body(request, folder / "task")
        return await run_in_threadpool(_commit, context, (folder / "task").read_bytes(), replace)


def _commit(context: ApiContext, data: bytes, replace: bool) -> Task:
    if read_trusted_keys(context.workspace.home):
        hint = f"run 'edgecl import-task FILE' with its signature FILE{SUFFIX} beside it"
        raise InvalidUploadError("only signed tasks are accepted here, and this API takes no signature", hint)
    try:
        task = read_foreign_task(data, context.bundle).task
    except BlobError as error:
        raise InvalidUploadError(error.message, error.hint) from None
    with context.open_store() as store:
        names = {entry.task for entry in store.list_tasks()}
        if task not in names and len(names) >= limits.MAX_TASKS:
            raise TooMuchError(f"there are {limits.MAX_TASKS} tasks already", "forget one of them")
        store.commit(task, data, replace)
        return describe_task(context, store.find_task(task))
