"""How fast and how small `edgecl serve` is: the real daemon in a process of its own, on made-up sound.

`listening`  a microphone in real time: latency, CPU, memory
`replay`     stdin, as fast as possible: the real-time factor; an hour's events and memory
`learning`   a task taught through the API meanwhile: latency, lost frames
`starting`   from the call to the first window
`report`     all of this; `hour`  the very same events, and no growth

`homes` are what it listens with, `scenes` what it listens to, `microphone` who gives it that and says when,
`served` the process, `latency` how long it took.
"""
