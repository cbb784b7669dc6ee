"""Route: metrics for Prometheus, collected at each request."""

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from device_runtime.daemon.api.context import ApiContext, Context
from device_runtime.daemon.api.routes.status import HEALTHY_STATES
from edgecl.config.privacy import NO_HISTORY

router = APIRouter(tags=["status"])


class MetricsCollector(Collector):
    """The counters and gauges of a daemon."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        pipeline, tap = self._context.pipeline, self._context.tap
        healthy = float(tap.condition.state in HEALTHY_STATES)
        yield CounterMetricFamily("edgecl_heard_seconds", "Seconds of audio processed.", pipeline.processed_s)
        if self._context.config.privacy < NO_HISTORY:  # its steps would give away the second of each event
            yield CounterMetricFamily("edgecl_sounds", "Sounds detected.", pipeline.sound_count)
        yield CounterMetricFamily("edgecl_lost_frames", "Audio frames lost.", tap.lost_frames)
        yield CounterMetricFamily(
            "edgecl_dropped_events",
            "Events that a sink had no room for or failed to take.",
            pipeline.dropped_events,
        )
        failures = CounterMetricFamily(
            "edgecl_failures",
            "Unexpected failures of parts of the daemon, each followed by a restart.",
            labels=["part"],
        )
        for part, count in self._context.supervisor.failures.items():
            failures.add_metric([part], count)
        yield failures
        mqtt = self._context.sinks.get_mqtt_status()
        if mqtt:
            connected = float(mqtt.state == "connected")
            yield GaugeMetricFamily(
                "edgecl_mqtt_connected", "1 while the MQTT broker is connected.", connected
            )
        yield GaugeMetricFamily("edgecl_source_healthy", "1 while the source delivers audio.", healthy)
        tasks = len(pipeline.task_names)
        yield GaugeMetricFamily("edgecl_tasks", "Tasks in use.", tasks)


@router.get("/metrics", response_class=Response)
def show_metrics(context: Context) -> Response:
    """Return metrics in the Prometheus text format."""
    registry = CollectorRegistry()
    registry.register(MetricsCollector(context))
    ProcessCollector(registry=registry)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
