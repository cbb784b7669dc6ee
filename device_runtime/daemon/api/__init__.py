"""The HTTP API of the daemon: what `edgecl` does on the command line, asked for by others.

    request ─► guard ─► limits ─► a route ─► place ─┬─ the store              (tasks, undo, forget, verify)
                 who     how much                   ├─ a child process        (predict, correct, enroll)
                                                    └─ the station, the tap   (status, record)

server       the thread that answers           sockets      where it listens
application  the routes, put together          problems     failures → problem documents (RFC 9457)
guard        Host, Origin and token            limits       how large and how long
place        what the routes work with         child        a command in a process of its own, at low priority
broadcast    events → everybody who listens    sessions     recordings on their way to a task
status, tasks, enrolments, recordings, stream   the routes   metrics   figures for Prometheus
page         the API for people, without a script

It needs the extra `daemon`; nothing outside this folder imports it but `edgecl serve`.
"""
