"""One service of the compose file as a local process."""

import os
import re
import shutil
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from moodline.leash import LeashedProcess
from tests.support.needs import SHARED, command
from tests.support.repository import ROOT

if TYPE_CHECKING:
    from tests.deploy.local_compose import LocalCompose

YUNET = SHARED / "models/face_detection_yunet_2023mar.onnx"
# A program that is being written cannot be run, and a process that another thread forks meanwhile holds it open.
FORKING = threading.Lock()
# What these images run before the command that the compose file gives.
ENTRYPOINTS = {"prom/prometheus": ["prometheus"]}
# The address that a server takes where its image's own default is "all".
LISTEN = {"prom/prometheus": "--web.listen-address={address}:9090"}


class LocalService:
    """Started by its making; ``said`` is what its last health check printed."""

    def __init__(self, name: str, described: dict[str, Any], project: "LocalCompose") -> None:
        self.name = name
        self.address = project.addresses[name]
        self.said = ""
        self._described = described
        self._project = project
        self._folder = project.folder / name
        self._folder.mkdir(parents=True, exist_ok=True)
        self._mounts: dict[str, Path] = {}
        self._mount()
        self._environment = self._made_environment()
        self._log = self._folder / "log"
        image = str(described.get("image", "")).partition(":")[0]
        entrypoint = described.get("entrypoint", ENTRYPOINTS.get(image, []))
        line = [*entrypoint, *map(self.local, described["command"])]
        line += [LISTEN[image].format(address=self.address)] if image in LISTEN else []
        line[0] = shutil.which(line[0], path=self._environment["PATH"]) or line[0]
        with self._log.open("wb") as log, FORKING:
            self.process = LeashedProcess(line, env=self._environment, cwd=self._folder, output=log)

    def local(self, text: str) -> str:
        """Return a text of the compose file, or of a file that it mounts, with this machine's addresses and paths."""
        for inside in sorted(self._mounts, key=len, reverse=True):
            text = re.sub(rf"(?<![\w./]){re.escape(inside)}(?![\w-])", str(self._mounts[inside]), text)
        text = text.replace("0.0.0.0", self.address)
        for name, address in self._project.addresses.items():
            text = re.sub(rf"(?<=[@/]){name}(?=:\d)", address, text)
        return text

    def healthy(self) -> bool:
        """Run the service's own health check once."""
        from tests.deploy.local_compose import run_quietly, seconds

        check = self._described["healthcheck"]
        kind, *line = [self.local(text.replace("127.0.0.1", self.address)) for text in check["test"]]
        if kind == "CMD-SHELL":
            line = ["/bin/sh", "-c", *line]
        line[0] = shutil.which(line[0], path=self._environment["PATH"]) or line[0]
        code, self.said = run_quietly(line, self._environment, seconds(check["timeout"]))
        return code == 0

    def log(self) -> str:
        """Return what the service has written."""
        return self._log.read_text("utf-8", "replace")

    def stop(self) -> int:
        """Send SIGTERM, wait for the file's own grace period, and return the exit code; then kill what is left."""
        from tests.deploy.local_compose import seconds

        return self.process.stop(seconds(self._described.get("stop_grace_period", "10s")))

    def _mount(self) -> None:
        """Put what the container mounts into folders of this machine; config files are adapted copies."""
        mounts: dict[str, Path] = {}
        for volume in self._described.get("volumes", []):
            bind = isinstance(volume, dict)
            source, inside = (volume["source"], volume["target"]) if bind else volume.split(":")[:2]
            # A named volume is one folder, whoever mounts it.
            mounts[inside] = (
                ROOT / source if source.startswith((".", "/")) else self._project.folder / "volumes" / source
            )
            if bind:
                assert mounts[inside].exists(), f"{source} is not there, and nobody makes it"
            mounts[inside].mkdir(parents=True, exist_ok=True)
        files = self._mounted_files()
        self._mounts = mounts | {inside: self._folder / inside.strip("/") for inside in ("/run/secrets", *files)}
        if self._described.get("build", {}).get("target") == "forwarders":
            self._mounts["/opt/forwarders"] = ROOT / "examples"  # what the image copies there
        for inside, source in files.items():
            local = self._mounts[inside]
            local.parent.mkdir(parents=True, exist_ok=True)
            local.write_text(self._adapted(inside, source.read_text(encoding="utf-8")), encoding="utf-8")

    def _mounted_files(self) -> dict[str, Path]:
        """Return the file of this machine for each path inside; a secret's short form is its name alone."""
        content, files = self._project.content, {}
        for given in self._described.get("configs", []):
            files[given["target"]] = ROOT / content["configs"][given["source"]]["file"]
        for given in self._described.get("secrets", []):
            source, target = (given, given) if isinstance(given, str) else (given["source"], given["target"])
            files[f"/run/secrets/{target}"] = ROOT / content["secrets"][source]["file"]
        return files

    def _adapted(self, target: str, text: str) -> str:
        text = self.local(text)
        if target.endswith("redis.conf"):
            return text + f"bind {self.address}\n"
        if target.endswith("prometheus.yml"):
            return self._without_dns(text)
        return text

    def _without_dns(self, text: str) -> str:
        """Put addresses in the place of DNS's answers, and scrape every second: a test has no time."""
        content = yaml.safe_load(text)
        content["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        services = self._project.content["services"]
        for job in content["scrape_configs"]:
            targets = [
                f"{self._project.addresses[name]}:{given['port']}"
                for given in job.pop("dns_sd_configs")
                for name in given["names"]
                if "profiles" not in services[name]  # it was not asked for, so DNS does not know it
            ]
            job["static_configs"] = [{"targets": targets}]
        return yaml.safe_dump(content)

    def _made_environment(self) -> dict[str, str]:
        from tests.deploy.local_compose import image_environment

        target = self._described.get("build", {}).get("target", "")
        given = image_environment(target) if target else {}
        detector = given.get("MOODLINE_INGEST__DETECTOR_MODEL")
        if detector is not None:
            del given["MOODLINE_INGEST__DETECTOR_MODEL"]
            stand_in = {"MODEL": str(YUNET)} if YUNET.exists() else {"DOWNLOAD": "false"}
            given |= {f"MOODLINE_INGEST__DETECTOR_{name}": value for name, value in stand_in.items()}
        described = self._described.get("environment", {})
        given |= {name: self.local(str(value)) for name, value in described.items()}
        if described.get("MOODLINE_API__HOST") == "0.0.0.0":
            given["MOODLINE_API__REQUIRE_KEY"] = "true"  # in a container it follows from that address
        machine = {"PATH": f"{self._programs()}:/usr/sbin:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
        return given | machine | {"HOME": os.environ.get("HOME", "/tmp")}

    def _programs(self) -> Path:
        """Make a folder with the programs that the images have."""
        folder = self._folder / "bin"
        folder.mkdir(exist_ok=True)
        moodline, healthy = f"{sys.executable} -m moodline.cli", f"{sys.executable} {ROOT / 'deploy/healthy.py'}"
        # valkey-cli asks its own container when nobody names a host.
        programs = {"moodline": moodline, "healthy": healthy, "valkey-server": command("redis-server")}
        programs |= {"valkey-cli": f"{command('redis-cli')} -h {self.address}", "wget": command("wget")}
        programs["prometheus"] = command("prometheus")
        programs["python"] = sys.executable
        for name, line in programs.items():
            with FORKING:
                (folder / name).write_text(f'#!/bin/sh\nexec {line} "$@"\n', encoding="utf-8")
            (folder / name).chmod(0o755)
        return folder
