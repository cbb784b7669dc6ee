"""Speed and memory of `edgecl serve`, in its own process, on synthetic sound.

`real_time`    a microphone in real time: latency, CPU, memory
`replay`       stdin, as fast as possible: the real-time factor
`enrolment`    a task enrolled through the API while the daemon listens: latency, lost frames
`startup`      from the call to the first window
`report`       tables of all of these; `soak`: an hour of sound gives exact events and no memory growth

`homes` holds the enrolled tasks, `sound` the input, `simulated_microphone` plays it and logs times, `process`
runs the daemon, `latency` compares the times.
"""
