"""What there is to say when a station has stopped."""

from device_runtime.daemon.pipeline.loop import Pipeline


def summary(station: Pipeline) -> str:
    """How long it listened, what it heard, and what it missed."""
    dropped = sum(outbox.dropped for outbox in station.outboxes)
    told = [
        f"{station.heard_s:.0f} s heard",
        f"{station.sounds} {'sound' if station.sounds == 1 else 'sounds'}",
    ]
    if station.source.lost_frames:
        told.append(f"{station.source.lost_frames} frames lost")
    if dropped:
        told.append(f"{dropped} events dropped")
    if station.reporter.lost_clips:
        told.append(f"{station.reporter.lost_clips} clips dropped")
    return ", ".join(told)
