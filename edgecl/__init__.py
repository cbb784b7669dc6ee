"""edgecl: contracts and pure computation of a runtime that learns sounds on the device.

Nothing here knows a model runtime, a clock or a sound card. `errors` is every failure, `console`
turns one into a sentence and an exit code; `audio` reads files, `windows` cuts them; `bundle` is what
the host ships, `blob` one learned task, `store` a folder of them; `calibration`, `decision` and
`metrics` turn scores into answers. `device_runtime` leans on this package, never the reverse.
"""
