"""The daemon: hears, and tells. Data flows one way, and each file is one step of it.

source ─► block ─► ear ─► report ─► reporter ─► event ─► outbox ─► sink
                    │
                    └ resampler ─► windows ─► backbone, once ─► every task ─► its decider   (`listen`)

source       what a source of sound is: blocks with a running frame count, and a condition
pcm          bytes of a pipe → frames
pipe         stdin, a FIFO        command   a child process such as arecord        file   a recording
sound_device what PortAudio hears, where there is no arecord
health       what frames tell of their source: silence, clipping, a wrong rate
microphone   a source that is opened again whenever it ends, fails, hangs or stays silent
opening      from what a user names to a source
ear          blocks → what is heard in them, across gaps
loud         a sound of any kind above a level
reporter     what is heard → events (the contract: `edgecl.events`)     discreet  … and no more than must be
outbox       events → a sink, without ever waiting for it
lines, history, clips    sinks: JSON lines, SQLite, FLAC files     past  the history, read
recent       the newest sound
webhook, mqtt            sinks beyond this device (`sinks` opens them)     home_assistant  what it is told
controls     what may be changed while it runs          kept     across restarts
tasks        a store, watched while it changes
notify       what systemd is told
child        a command such as `enroll`, in a process of its own     leash  which ends with this one
turn         one task is learnt at a time
folder_watch what is dropped into a folder is learnt     dropped  what lies there     drop_in  how
passed       a source in other hands              tap     one that others may record from
journal      what was said on stderr                     machine  what the machine tells of itself
station      the loop             assembly  a configuration (`edgecl.config.schema`) → a station
api/         the same, and learning, for others to ask for by HTTP
page/        what a browser shows of it
"""
