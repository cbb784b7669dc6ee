"""The HTTP API of the daemon.

    request ─► auth ─► body_limit ─► routes ─► context ─┬─ store              (tasks, undo, forget, verify)
                                                        ├─ worker process     (predict, correct, enrol)
                                                        ├─ controls           (thresholds, listening)
                                                        └─ pipeline and tap   (status, record, live feed)

server       server threads                              sockets       Unix socket and TCP port
app          the ASGI application                        problems      errors → problem documents (RFC 9457)
auth         Host, Origin and token checks               limits        maximum sizes and durations
connections  limits of connections                       body_limit    maximum size of JSON bodies
token_backoff   pauses of clients that guess tokens      context       shared state of all routes
feeds        what the pipeline feeds: hub, live, audio   event_hub     server-sent events for all subscribers
live         levels, spectrum, scores of each window     event_audio   audio of past events
enrolment_session, session_manager   recordings being collected, and training on them
feedback     user feedback → corrections of tasks        task_records  metadata of task blobs
privacy      what the privacy level forbids              schemas       request and response models
routes/      one module a resource

It needs the extra `daemon`. Outside this package only `daemon/builder.py` imports it, if the API is enabled.
"""
