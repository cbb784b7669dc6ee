"""Routes: carry a task to another device, as the file that it is."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from device_runtime.daemon.api import limits
from device_runtime.daemon.api.context import ApiContext, Here
from device_runtime.daemon.api.problems import TooMuchError
from device_runtime.daemon.api.task_schema import Task, view
from device_runtime.daemon.worker import RefusedError
from edgecl.errors import BlobError
from edgecl.store import blob

router = APIRouter(tags=["tasks"])
BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
BLOB: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The bytes of a task, as they were exported.",
        "content": BYTES,
    }
}


@router.get("/tasks/{task}/export", response_class=Response, responses={200: {"content": BYTES}})
def export(here: Here, task: str) -> Response:
    """A task as a file; another device with the same bundle can import it."""
    with here.store() as store:
        data = store.read_blob(task)
    name = f"{task}.safetensors"
    called = f'filename="{name}"' if name.isascii() else f"filename*=UTF-8''{quote(name)}"
    headers = {"Content-Disposition": f"attachment; {called}"}
    return Response(data, media_type="application/octet-stream", headers=headers)


@router.post("/tasks/import", status_code=201, openapi_extra=BLOB)
async def bring(here: Here, request: Request, replace: bool = False) -> Task:
    """Add a task that another device learnt; what it was learnt from does not come with it."""
    with here.scratch() as folder:
        await limits.save_body(request, folder / "task")
        return await run_in_threadpool(_brought, here, (folder / "task").read_bytes(), replace)


def _brought(here: ApiContext, data: bytes, replace: bool) -> Task:
    try:
        task = blob.from_bytes(data, manifest=here.bundle.manifest).task
    except BlobError as error:
        raise RefusedError(error.message, error.hint) from None
    with here.store() as store:
        names = {entry.task for entry in store.list_tasks()}
        if task not in names and len(names) >= limits.TASKS:
            raise TooMuchError(f"there are {limits.TASKS} tasks already", "forget one of them")
        store.commit(task, data, replace)
        return view(here, store.find_task(task))
