"""Figures for Prometheus, read when they are asked for."""

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from device_runtime.daemon.api.context import ApiContext, Here
from device_runtime.daemon.api.routes.status import WELL, dropped_events
from edgecl.config.privacy import NO_HISTORY

router = APIRouter(tags=["status"])


class MetricsCollector(Collector):
    """What a daemon counts."""

    def __init__(self, place: ApiContext) -> None:
        self._place = place

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        station, tap = self._place.station, self._place.tap
        healthy = float(tap.condition.state in WELL)
        yield CounterMetricFamily("edgecl_heard_seconds", "Sound that was heard.", station.heard_s)
        if self._place.config.privacy < NO_HISTORY:  # it would step in the second of each sound
            yield CounterMetricFamily("edgecl_sounds", "Sounds that tasks detected.", station.sounds)
        yield CounterMetricFamily("edgecl_lost_frames", "Frames that never arrived.", tap.lost_frames)
        yield CounterMetricFamily(
            "edgecl_dropped_events", "Events no sink had room for.", dropped_events(self._place)
        )
        yield GaugeMetricFamily("edgecl_source_healthy", "1 while sound comes in.", healthy)
        yield GaugeMetricFamily("edgecl_tasks", "Tasks that hear.", len(station.reporter.task_names))


@router.get("/metrics", response_class=Response)
def metrics(here: Here) -> Response:
    """Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(MetricsCollector(here))
    ProcessCollector(registry=registry)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
