"""A demonstration with synthetic household sounds: no recordings are needed.

Sounds: `waveforms` holds the oscillators and noise generators, `alarms` and `kitchen` the sounds made of
them, `room_acoustics` reverberation and room noise, `synthesise` the data set on disk.

`python -m tools.demo`: `story` runs the real commands on that data set and `compare` matches the detections
with the ground truth.

`python -m tools.demo.daemon`: `daemon_story` starts `edgecl serve` on the simulated `microphone`, enrols a
task through the API while it listens and corrects a detection. `event_monitor` prints the events beside the
`ground_truth`.

`runner` holds what both share: options, folder, exit code.
"""
