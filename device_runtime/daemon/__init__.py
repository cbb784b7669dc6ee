"""The daemon: one pipeline from a source to the sinks, and what else runs beside it.

source ─► wrappers ─► stream processor ─► event builder ─► sink queues ─► sinks
(sources/)            (pipeline/)                          (sinks/)       stdout, log, history, clips,
                                                                          webhook, MQTT, API

builder         connects all of it; nothing is connected elsewhere or later
controls        the switch and the thresholds, changed by MQTT and the API
task_watcher    polls the store and hands changed tasks to the pipeline
training_lock   one task is trained at a time
worker/         runs a workflow in a process of its own, at low priority
folder_import/  enrols what is copied into a watched folder, by a worker
api/, page/     the HTTP API and its page
system/         systemd notifications, the log, figures about the machine
"""
