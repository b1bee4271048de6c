"""The services of ``moodline up``: started, kept alive and stopped."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from moodline.settings import IngestSettings, JobSettings, WorkerSettings
from moodline.up.plan import Plan, environment, reachable, seal_key
from moodline.up.readiness import worker_is_ready
from moodline.up.service import LineSink, Service


class Fleet:
    """Ingest, workers, API and jobs of one run; ``jobs_folder``: where handed-in videos and results lie."""

    def __init__(self, plan: Plan, redis_url: str, on_line: LineSink, *, jobs_folder: Path) -> None:
        self._settings = plan.settings
        self._on_line = on_line
        self._arguments = ["--config", str(plan.config)] if plan.config else []
        self._ports = {"api": plan.api_port}
        self._claimed = plan.ports
        common = {**environment(plan, redis_url), "MOODLINE_JOBS__FOLDER": str(jobs_folder)}
        sealed = {**common, **seal_key(plan.settings)}
        self._ingest = Service(
            "ingest",
            "ingest",
            arguments=self._arguments,
            env=lambda: self._for_ingest(sealed),
            on_line=on_line,
        )
        self._workers = [self._worker(number, sealed) for number in range(1, plan.workers + 1)]
        # The api seals the pictures of browsers' webcams for ingest.
        api = {**sealed, "MOODLINE_API__PORT": str(plan.api_port)}
        self._api = Service("api", "api", arguments=self._arguments, env=lambda: api, on_line=on_line)
        self._jobs = Service(
            "jobs", "jobs", arguments=self._arguments, env=lambda: self._for_jobs(sealed), on_line=on_line
        )
        self._started: list[Service] = []

    def start_consumers(self) -> None:
        """Start the workers and the API."""
        self._start([*self._workers, self._api])

    def start_ingest(self) -> None:
        """Start ingest: from now on faces are queued, of handed-in videos, too."""
        self._start([self._ingest, self._jobs])

    def check(self) -> None:
        """Start again what has died; raises what ``Service.check`` raises."""
        for service in self._started:
            service.check()

    def ready(self) -> bool:
        """Whether some worker has warmed up and takes faces."""
        host = reachable(self._settings.worker.metrics_host)
        return any(worker_is_ready(host, self._ports[worker.name]) for worker in self._workers)

    def stop_ingest(self, within_s: float) -> None:
        """Let no new face in."""
        _stop([self._ingest, self._jobs], within_s)

    def stop_workers(self, within_s: float) -> None:
        """Let the workers finish the batches in work."""
        _stop(self._workers, within_s)

    def stop_api(self, within_s: float) -> None:
        """End the API."""
        _stop([self._api], within_s)

    def kill(self) -> None:
        """End everything at once; harmless after an orderly stop."""
        for service in self._started:
            service.kill()

    def _start(self, services: Sequence[Service]) -> None:
        for service in services:
            service.start()
            self._started.append(service)

    def _worker(self, number: int, sealed: Mapping[str, str]) -> Service:
        name = "worker" if number == 1 else f"worker-{number}"

        def env() -> Mapping[str, str]:
            port = self._metrics_port(name, self._settings.worker)
            return {**sealed, "MOODLINE_WORKER__METRICS_PORT": str(port)}

        return Service(name, "worker", arguments=self._arguments, env=env, on_line=self._on_line)

    def _for_ingest(self, sealed: Mapping[str, str]) -> Mapping[str, str]:
        port = self._metrics_port("ingest", self._settings.ingest)
        return {**sealed, "MOODLINE_INGEST__METRICS_PORT": str(port)}

    def _for_jobs(self, sealed: Mapping[str, str]) -> Mapping[str, str]:
        port = self._metrics_port("jobs", self._settings.jobs)
        return {**sealed, "MOODLINE_JOBS__METRICS_PORT": str(port)}

    def _metrics_port(self, name: str, section: IngestSettings | WorkerSettings | JobSettings) -> int:
        """Choose the port when the service starts, since another run may take a free one in the meantime."""
        port = section.metrics_port
        if name not in ("ingest", "worker", "jobs") or "metrics_port" not in section.model_fields_set:
            others = [taken for other, taken in self._ports.items() if other != name]
            port = self._claimed.next_free(section.metrics_host, port, besides=others)
        self._ports[name] = port
        return port


def _stop(services: Sequence[Service], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    for service in services:
        service.terminate()
    for service in services:
        service.wait(deadline - time.monotonic())
        service.kill()
