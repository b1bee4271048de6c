"""OpenTelemetry traces of single frames: from the camera through the queue to the event.

Off unless ``tracing.endpoint`` is set: then ingest begins a trace for a share of the frames, its context travels in the
crops (as W3C's ``traceparent``), and the worker that takes a crop goes on with it. Spans are written when a stage is
over, from times that are measured anyway, and sent by a thread of their own that drops what is too much for it.

A span holds ids and durations; no emotion and no picture is in it.
"""

import logging
import random
import threading
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from moodline.errors import ConfigError
from moodline.settings import TracingSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OtelSpan

Attributes = Mapping[str, str | int | float | Sequence[str]]

NS_PER_MS: Final = 1_000_000
# Longest wait for a collector that does not answer, with each sending and at the end of the service.
_PATIENCE_S: Final = 2.0
_MOST_SPANS_WAITING: Final = 2048


def check_tracing(settings: TracingSettings) -> None:
    """Raise ConfigError where traces are asked for and cannot be made."""
    if settings.endpoint is not None and (find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None):
        raise ConfigError(
            "tracing.endpoint is set, but OpenTelemetry is not installed; install moodline with its extra `tracing`, "
            "or unset it."
        )


def make_tracing(settings: TracingSettings, service: str) -> "Tracing | None":
    """Return what traces a service, or None where traces are off. Raises ConfigError."""
    check_tracing(settings)
    return Tracing(_provider(settings.endpoint, service), settings.sample) if settings.endpoint is not None else None


def _provider(endpoint: str, service: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_NAMESPACE, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # It would say of a collector that is away with every sending; whoever misses the traces looks there anyway.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    resource = Resource.create({SERVICE_NAME: f"moodline-{service}", SERVICE_NAMESPACE: "moodline"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=_PATIENCE_S)
    waiting = _MOST_SPANS_WAITING
    provider.add_span_processor(BatchSpanProcessor(exporter, waiting, 1000, max_export_batch_size=waiting))
    return provider


class Span:
    """Something that goes on."""

    def __init__(self, span: "OtelSpan") -> None:
        self._span = span

    @property
    def context(self) -> str:
        """What another process needs to go on with the trace, as W3C's ``traceparent``."""
        own = self._span.get_span_context()
        return f"00-{own.trace_id:032x}-{own.span_id:016x}-01"

    def end(self, at_ns: int) -> None:
        """It is over since ``at_ns`` (Unix nanoseconds)."""
        self._span.end(at_ns)


class Tracing:
    """Makes the spans of one process. Safe to share between threads."""

    def __init__(self, provider: "TracerProvider", sample: float) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("moodline")
        self._sample = sample

    def takes_next(self) -> bool:
        """Return whether the next frame is one of those that are traced."""
        return random.random() < self._sample

    def start(self, name: str, began_ns: int, *, within: str | None = None, attributes: Attributes) -> Span:
        """Begin a span at ``began_ns`` (Unix nanoseconds): a trace of its own, or a part ``within`` another's."""
        from opentelemetry.context import Context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = Context()
        if within is not None:
            context = TraceContextTextMapPropagator().extract({"traceparent": within}, context)
        named = {f"moodline.{key}": value for key, value in attributes.items()}
        return Span(self._tracer.start_span(name, context, attributes=named, start_time=began_ns))

    def add(self, name: str, began_ns: int, ended_ns: int, *, within: str, attributes: Attributes) -> None:
        """Write down what is over."""
        self.start(name, began_ns, within=within, attributes=attributes).end(ended_ns)

    def close(self) -> None:
        """Send what waits, for at most some seconds."""
        sending = threading.Thread(target=self._provider.shutdown, name="last-traces", daemon=True)
        sending.start()
        sending.join(_PATIENCE_S + 1)
