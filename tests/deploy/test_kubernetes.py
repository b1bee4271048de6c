"""The Kubernetes manifests: strictly valid, and in agreement with what the product is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from moodline.settings import Settings, load_settings
from tests.deploy.local_compose import CONTENT, interpolated
from tests.deploy.series import declared_labels, names_in
from tests.deploy.test_dashboard import RECORDED
from tests.support.repository import ROOT

Manifest = dict[str, Any]

FOLDER = ROOT / "deploy/kubernetes"
COMPONENTS = ("recordings", "models", "gpu", "keda", "hpa", "external-redis")
OPERATOR = FOLDER / "overlays/operator"
# What holds manifests; the other overlays only name a base and components.
FOLDERS = [FOLDER / "base", OPERATOR, *(FOLDER / "components" / name for name in COMPONENTS)]
VERSIONS = ("1.29", "1.33")
KEDA = json.loads(Path(__file__).with_name("keda_scaled_object.schema.json").read_text(encoding="utf-8"))
NAME = "app.kubernetes.io/name"
PORTS = {
    "ingest": Settings().ingest.metrics_port,
    "worker": Settings().worker.metrics_port,
    "api": Settings().api.port,
    "redis": 6379,
}
WITH_RECORDINGS = {"jobs": Settings().jobs.metrics_port}
"""What is there only with the component recordings."""


def written(folder: Path) -> Iterator[Manifest]:
    """Yield the manifests of a folder as they are written."""
    names = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8")).get("resources", ())
    for name in names:
        if name.endswith(".yaml"):
            yield from yaml.safe_load_all((folder / name).read_text(encoding="utf-8"))


def check(manifest: Manifest, version: str) -> None:
    if manifest["apiVersion"].startswith("keda.sh/"):
        jsonschema.validate(manifest, KEDA)
    else:
        kubernetes_validate.validate(manifest, version, strict=True)


def workloads(manifests: list[Manifest]) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] in {"Deployment", "StatefulSet"}}


BASE = list(written(FOLDER / "base"))
WORKLOADS = workloads([*BASE, *written(FOLDER / "components/recordings")])


def added_by(patch: str) -> list[dict[str, str]]:
    """Return the variables that a component's patch gives to a service."""
    (found,) = yaml.safe_load_all((FOLDER / "components" / patch).read_text(encoding="utf-8"))
    env: list[dict[str, str]] = found["spec"]["template"]["spec"]["containers"][0]["env"]
    return env


ADDED = {"api": added_by("recordings/api.yaml"), "worker": added_by("models/worker.yaml")}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_is_written_is_strictly_valid(folder: Path, version: str) -> None:
    for manifest in written(folder):
        check(manifest, version)


def test_a_misspelt_field_does_not_pass() -> None:
    manifest = json.loads(json.dumps(WORKLOADS["worker"]))
    manifest["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}

    with pytest.raises(kubernetes_validate.ValidationError):
        check(manifest, VERSIONS[-1])


def test_everything_that_is_written_down_is_used() -> None:
    for folder in FOLDERS:
        text = (folder / "kustomization.yaml").read_text(encoding="utf-8")
        assert all(path.name in text for path in folder.iterdir() if path.name != "kustomization.yaml")


def test_overlays_name_components_that_are_there_and_the_address_of_redis_last() -> None:
    for file in FOLDER.glob("overlays/*/kustomization.yaml"):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        named = [(file.parent / path).resolve() for path in content.get("components", ())]
        kinds = [yaml.safe_load((one / "kustomization.yaml").read_text(encoding="utf-8"))["kind"] for one in named]
        assert kinds == ["Component"] * len(named)
        assert "external-redis" not in [one.name for one in named[:-1]]


@pytest.mark.parametrize("name", [*PORTS, *WITH_RECORDINGS])
def test_a_workload_is_watched_bounded_and_has_no_rights(name: str) -> None:
    pod = WORKLOADS[name]["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert container.keys() >= {"startupProbe", "readinessProbe", "livenessProbe"}
    assert container["resources"]["limits"]["memory"]
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize("name", ["ingest", "worker", "api", "jobs"])
def test_a_service_runs_as_in_the_compose_file(name: str) -> None:
    compose = interpolated(CONTENT["services"][name], {})
    (container,) = WORKLOADS[name]["spec"]["template"]["spec"]["containers"]

    assert container["args"] == compose["command"]
    env = [*container["env"], *ADDED.get(name, ())]
    assert {entry["name"]: entry["value"] for entry in env} == compose["environment"]
    assert "envFrom" not in container


@pytest.mark.parametrize("name", ["ingest", "worker", "api", "jobs"])
def test_a_service_gets_the_same_secrets_as_in_the_compose_file_and_no_others(name: str) -> None:
    compose = CONTENT["services"][name]
    pod = WORKLOADS[name]["spec"]["template"]["spec"]
    (volume,) = [one["secret"] for one in pod["volumes"] if one["name"] == "secrets"]
    mounts = {one["name"]: one["mountPath"] for one in pod["containers"][0]["volumeMounts"]}

    assert [(one["key"], one["path"]) for one in volume["items"]] == [
        (one["source"], one["target"]) for one in compose["secrets"]
    ]
    assert f"{mounts['secrets']}:{mounts['cameras']}" == compose["environment"]["MOODLINE_SECRETS"]


@pytest.mark.parametrize(("name", "port"), [*PORTS.items(), *WITH_RECORDINGS.items()])
def test_ports_are_those_that_the_product_listens_on(name: str, port: int) -> None:
    (container,) = WORKLOADS[name]["spec"]["template"]["spec"]["containers"]
    (given,) = container["ports"]

    assert given["containerPort"] == port
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[probe]
        # A program that asks starts within the second that is the default, or not.
        assert "exec" not in asked or asked["timeoutSeconds"] >= 3
        if "httpGet" in asked:
            assert asked["httpGet"]["port"] == given["name"]
        elif name != "redis":
            assert asked["exec"]["command"][:2] == ["healthy", f"http://127.0.0.1:{port}/metrics"]
            assert asked["exec"]["command"][2].split()[0] in declared_labels()


def test_services_budgets_and_policies_select_what_is_there() -> None:
    for manifest in BASE:
        spec = manifest.get("spec", {})
        selector = {"Service": spec.get("selector"), "PodDisruptionBudget": spec.get("selector", {}).get("matchLabels")}
        if wanted := selector.get(manifest["kind"]):
            assert wanted[NAME] in WORKLOADS


def budgets_that_stop_a_drain(manifests: list[Manifest]) -> list[str]:
    """Return the budgets that let no pod go where an autoscaler, an overlay or a person has left but one."""
    budgets = [one for one in manifests if one["kind"] == "PodDisruptionBudget"]
    assert budgets
    return [one["metadata"]["name"] for one in budgets if one["spec"].get("maxUnavailable", 0) < 1]


def test_a_drain_ends_with_one_replica_too() -> None:
    assert budgets_that_stop_a_drain(BASE) == []
    blocking = {"kind": "PodDisruptionBudget", "metadata": {"name": "worker"}, "spec": {"minAvailable": 1}}
    assert budgets_that_stop_a_drain([blocking]) == ["worker"]


def test_everything_is_denied_and_every_port_that_is_needed_is_let_through() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in BASE if one["kind"] == "NetworkPolicy"}
    let_in = {
        port["port"] for spec in policies.values() for rule in spec.get("ingress", ()) for port in rule.get("ports", ())
    }

    assert policies["deny-all"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert let_in == set(PORTS.values())
    (cameras,) = [name for name, spec in policies.items() if "ipBlock" in json.dumps(spec)]
    assert policies[cameras]["podSelector"]["matchLabels"][NAME] == "ingest"
    ports = {port["port"] for port in policies[cameras]["egress"][0]["ports"]}
    assert ports == {554, 322, 8554, 80, 443, 8000, 8080}
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert "lets ingest out to 554, 322, 8554, 80, 443, 8000 and 8080" in page


@pytest.mark.parametrize("file", ["redis.conf", "users.acl", "start.sh"])
def test_redis_is_configured_as_in_the_compose_file(file: str) -> None:
    copied = (FOLDER / "base" / file).read_text(encoding="utf-8")

    assert copied == (ROOT / "deploy/redis" / file).read_text(encoding="utf-8")


def test_redis_is_started_and_asked_as_in_the_compose_file() -> None:
    compose = CONTENT["services"]["redis"]
    (container,) = WORKLOADS["redis"]["spec"]["template"]["spec"]["containers"]

    (volume,) = [
        one["secret"] for one in WORKLOADS["redis"]["spec"]["template"]["spec"]["volumes"] if one["name"] == "secrets"
    ]

    assert container["command"] == compose["command"]
    assert [one["path"] for one in volume["items"]] == compose["secrets"]
    assert container["readinessProbe"]["exec"]["command"] == ["sh", "-c", compose["healthcheck"]["test"][1]]


def test_its_configuration_is_valid() -> None:
    assert load_settings(FOLDER / "base/moodline.yaml").streams


def test_no_secret_is_in_git() -> None:
    assert not [one for folder in FOLDERS for one in written(folder) if one["kind"] == "Secret"]


def test_keda_follows_metrics_that_prometheus_has_and_never_goes_to_zero() -> None:
    (scaled,) = [one for one in written(FOLDER / "components/keda") if one["kind"] == "ScaledObject"]
    spec = scaled["spec"]

    assert spec["minReplicaCount"] >= 1
    assert spec["scaleTargetRef"]["name"] in WORKLOADS
    for trigger in spec["triggers"]:
        names = names_in(trigger["metadata"]["query"])
        assert names
        assert names <= declared_labels().keys() | RECORDED
