"""Generate docs/reference/http-api.md from the routes of the daemon's HTTP API."""

from collections.abc import Iterable, Iterator
from typing import Any, get_args, get_origin

from fastapi.routing import APIRoute
from pydantic import BaseModel

from device_runtime.daemon.api.app import ROUTES
from tools.docs.markdown import field_table, sentence, table_row

INTRODUCTION = """# HTTP API

`edgecl serve --api` answers on `http://127.0.0.1:8475` and on the Unix socket `api.sock` in the home. A
running daemon lists its routes at `/docs`; its OpenAPI document is at `/openapi.json`.

```bash
curl --unix-socket ~/.local/share/edgecl/api.sock http://localhost/status
curl -H "Authorization: Bearer $TOKEN" http://edgecl.local:8475/tasks
curl -H "Authorization: Bearer $TOKEN" --data-binary @ring.wav 'http://edgecl.local:8475/predict?name=ring.wav'
```

- **Access.** `Host` must be a name of this machine (`[api] hosts` adds names), else 421. `Origin` must be
  this very site, else 403. Where a token is set, every request over TCP except for the page itself must carry
  it as `Authorization: Bearer TOKEN`, else 401; after ten wrong tokens in a row 429 for a while. The Unix
  socket is protected by its file mode (0660).
- **Errors** are problem documents (RFC 9457, `application/problem+json`): `title`, `status`, `detail`, and a
  `hint` with the next step.
- **Recordings** are sent as the raw bytes of one file; the query parameter `name` gives its suffix. A body
  has 20 MB at most, a long recording to be cut 120 MB, any other body 256 kB.
- **Privacy.** Routes that would give away more than `privacy` allows answer 403.
- **Live events** are server-sent events: `curl -N …/events`.

## Enrol over HTTP

```bash
api=http://localhost:8475
id=$(curl -s $api/enrolments --json '{"task": "alarms"}' | jq -r .id)
for file in my-sounds/doorbell/*.wav; do
  curl -s --data-binary @"$file" "$api/enrolments/$id/recordings?label=doorbell&name=$(basename "$file")"
done
curl -s -X POST $api/enrolments/$id/start          # 202: a worker process trains; the state follows
curl -s $api/enrolments/$id | jq .state            # collecting, learning, done
```

A long recording of one sound, again and again with pauses of two seconds, is cut into takes first:

```bash
cuts=$api/enrolments/$id/cuts
cut=$(curl -s --data-binary @knocks.wav "$cuts?label=knock&name=knocks.wav" | jq -r .cut)
curl -s $api/enrolments/$id | jq '.cuts[].takes[]'           # where they are, and how loud
curl -s $cuts/$cut/takes/3 > third.wav
curl -s $cuts/$cut/clips --json '{"dropped": [3]}'           # all others become recordings
```
"""


def render() -> str:
    """Return the page as Markdown."""
    registered = [route for module in ROUTES for route in module.router.routes]
    routes = [route for route in registered if isinstance(route, APIRoute) and route.include_in_schema]
    lines = [INTRODUCTION]
    for tag in dict.fromkeys(str(route.tags[0]) if route.tags else "other" for route in routes):
        lines += [f"## {tag.capitalize()}", "", table_row(["route", "parameters", "does", "answer"])]
        lines += [table_row(["---"] * 4)]
        lines += [_route_row(route) for route in routes if tag in (route.tags or ["other"])]
        lines.append("")
    lines += ["## Bodies and answers", ""]
    for model in _models(routes):
        lines += [f"### {model.__name__}", "", sentence(model.__doc__ or ""), ""]
        lines += [*field_table(model, with_default=False), ""]
    return "\n".join(lines).rstrip() + "\n"


def _route_row(route: APIRoute) -> str:
    """Return the row of one route."""
    dependant = route.dependant
    parameters = [f"`{one.name}`" for one in (*dependant.query_params, *dependant.body_params)]
    method = next(iter(sorted(route.methods)))
    answers = ", ".join(_link(model) for model in _models_in(route.response_model))
    does = sentence((route.endpoint.__doc__ or "").strip().split("\n\n")[0])
    bodies = [_link(model) for one in dependant.body_params for model in _models_in(_annotation(one))]
    return table_row([f"`{method} {route.path}`", ", ".join(bodies or parameters), does, answers])


def _annotation(parameter: Any) -> Any:
    """Return the type of a parameter."""
    return parameter.field_info.annotation


def _link(model: type[BaseModel]) -> str:
    """Return a link to the table of a model."""
    return f"[{model.__name__}](#{model.__name__.lower()})"


def _models(routes: Iterable[APIRoute]) -> list[type[BaseModel]]:
    """Return every model that a route takes or answers with, and those inside, each once, by name."""
    found: dict[str, type[BaseModel]] = {}
    pending = [route.response_model for route in routes]
    pending += [_annotation(one) for route in routes for one in route.dependant.body_params]
    while pending:
        for model in _models_in(pending.pop()):
            if model.__name__ not in found:
                found[model.__name__] = model
                pending += [field.annotation for field in model.model_fields.values()]
    return [found[name] for name in sorted(found)]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation names."""
    if get_origin(annotation):
        for argument in get_args(annotation):
            yield from _models_in(argument)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
