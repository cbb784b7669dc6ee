"""The HTTP API of the daemon: what `edgecl` does on the command line, asked for by others.

    request ─► guard ─► limits ─► a route ─► place ─┬─ the store              (tasks, undo, forget, verify)
                 who     how much                   ├─ a child process        (predict, correct, enroll)
                                                    ├─ the controls           (thresholds, listening)
                                                    └─ the station, the tap   (status, record, live)

server       the threads that answer           sockets      where they listen
punctual     who connects has to ask
application  the routes, put together          problems     failures → problem documents (RFC 9457)
guard        Host, Origin and token            limits       how large and how long
place        what the routes work with         broadcast    events → everybody who listens
session      recordings on their way to a task sessions     all of them; one learns at a time
task_view, enrolment_view    how both are told
heard        the sound of what was heard       claims       what is learnt of it
records      what blobs say of themselves
privacy      what is refused because the configuration says so
status, system, tasks, carrying, enrolments, sounds, stream, live   the routes;   metrics  for Prometheus
site         the page (`daemon/page`)       page        the API for people, without a script

It needs the extra `daemon`; nothing outside this folder imports it but `edgecl serve`.
"""
