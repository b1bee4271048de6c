"""What kustomize makes of the Kubernetes manifests: each component adds what it is there for, and they combine."""

import copy
import json
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from itertools import combinations
from operator import itemgetter
from pathlib import Path

import pytest
import yaml

from moodline.config.environment import variable_names
from moodline.config.secrets import SECRETS_VARIABLE
from moodline.settings import Settings
from tests.deploy.test_kubernetes import (
    BASE,
    COMPONENTS,
    FOLDER,
    OPERATOR,
    VERSIONS,
    WORKLOADS,
    Manifest,
    budgets_that_stop_a_drain,
    check,
    workloads,
    written,
)

OVERLAYS = [FOLDER / "base", *sorted(path.parent for path in FOLDER.glob("overlays/*/kustomization.yaml"))]
# The two that do not go with hpa: another autoscaler, and workers whose CPU says nothing of their load.
APART = ({"keda", "hpa"}, {"gpu", "hpa"})
EVERYTHING = tuple(name for name in COMPONENTS if name != "hpa")
PAIRS = [pair for pair in combinations(COMPONENTS, 2) if set(pair) not in APART]
CHOICES = [*((name,) for name in COMPONENTS), *PAIRS, ("recordings", "models", "hpa", "external-redis"), EVERYTHING]


@cache
def rendered(folder: Path) -> list[Manifest]:
    """Return what kustomize makes of a folder. kubectl is no Debian package of use (1.20): without it, skip."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("needs kubectl 1.28 or later")
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr  # deprecated fields
    return list(yaml.safe_load_all(done.stdout))


@cache
def combined(*components: str, of: Path = FOLDER / "base") -> list[Manifest]:
    """Return what an overlay of somebody's own makes of a folder and components."""
    return made_of({"resources": [of], "components": [FOLDER / "components" / name for name in components]})


def made_of(kustomization: Manifest) -> list[Manifest]:
    """Return what kustomize makes of a kustomization.yaml with these paths."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text).resolve()
        # Kustomize takes no absolute paths.
        relative = {
            name: [os.path.relpath(path, folder) for path in kustomization[name]]
            for name in ("resources", "components")
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization | relative), encoding="utf-8")
        return rendered(folder)


@cache
def check_once(manifest: str) -> None:
    """Check a manifest, given as JSON; most are the same in every combination."""
    check(json.loads(manifest), VERSIONS[-1])


def environment(manifest: Manifest) -> dict[str, object]:
    """Return the variables of a workload's or pod's container."""
    pod = manifest["spec"]["template"]["spec"] if "template" in manifest["spec"] else manifest["spec"]
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in pod["containers"][0]["env"]}


@pytest.mark.parametrize("folder", OVERLAYS, ids=lambda folder: folder.name)
def test_an_overlay_is_strictly_valid_and_lets_a_drain_end(folder: Path) -> None:
    for manifest in rendered(folder):
        check_once(json.dumps(manifest))
    if folder != OPERATOR:
        assert budgets_that_stop_a_drain(rendered(folder)) == []


@pytest.mark.parametrize("components", CHOICES, ids="+".join)
def test_whatever_is_combined_is_strictly_valid(components: tuple[str, ...]) -> None:
    manifests = combined(*components)
    variables = {*variable_names(Settings), SECRETS_VARIABLE}

    for manifest in manifests:
        check_once(json.dumps(manifest))
        assert manifest["kind"] == "Namespace" or manifest["metadata"]["namespace"] == "moodline"
    assert budgets_that_stop_a_drain(manifests) == []
    for name, workload in workloads(manifests).items():
        assert name == "redis" or environment(workload).keys() <= variables


def test_the_overlay_full_is_all_that_goes_together() -> None:
    assert rendered(FOLDER / "overlays/full") == combined(*EVERYTHING)
    assert rendered(FOLDER / "overlays/keda") == combined("keda")


def test_only_the_address_of_redis_has_to_come_last() -> None:
    *others, last = EVERYTHING

    assert last == "external-redis"
    for first, second in zip(combined(*reversed(others), last), combined(*others, last), strict=True):
        assert with_sorted_variables(first) == with_sorted_variables(second)


def with_sorted_variables(manifest: Manifest) -> Manifest:
    """Return a copy with the variables of a workload by their names: which one stands first means nothing."""
    copied = copy.deepcopy(manifest)
    if "template" in copied.get("spec", {}):
        for container in copied["spec"]["template"]["spec"]["containers"]:
            container.get("env", []).sort(key=itemgetter("name"))
    return copied


def test_each_component_still_does_its_work_beside_the_others() -> None:
    everything = combined(*EVERYTHING)
    worker = workloads(everything)["worker"]
    given = environment(worker)

    assert "replicas" not in worker["spec"]
    assert worker["spec"]["template"]["spec"]["containers"][0]["image"] == "moodline-worker-gpu:latest"
    assert given["MOODLINE_WORKER__ENGINE"] == "tensorflow"
    assert given["MOODLINE_WORKER__REGISTRY"] == "/models"
    assert environment(workloads(everything)["api"])["MOODLINE_JOBS__FOLDER"] == "/jobs"
    assert [one["metadata"]["name"] for one in everything if one["kind"] == "ScaledObject"] == ["worker"]


@pytest.mark.parametrize("scaler", ["keda", "hpa"])
def test_the_autoscaler_alone_says_how_many_workers_there_are(scaler: str) -> None:
    assert "replicas" not in workloads(combined(scaler))["worker"]["spec"]


def test_without_prometheus_keda_takes_no_worker_away() -> None:
    (scaled,) = [one for one in written(FOLDER / "components/keda") if one["kind"] == "ScaledObject"]

    assert scaled["spec"]["fallback"]["behavior"] == "currentReplicasIfHigher"


def test_a_gpu_worker_asks_for_a_gpu_and_a_node_that_has_one() -> None:
    pod = workloads(combined("gpu"))["worker"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["nodeSelector"] == {"nvidia.com/gpu.present": "true"}


def test_every_worker_has_the_models_that_are_put_into_the_volume() -> None:
    manifests = combined("models")
    worker = workloads(manifests)["worker"]
    pod = worker["spec"]["template"]["spec"]
    (claim,) = [one for one in manifests if one["kind"] == "PersistentVolumeClaim"]
    (container,) = pod["containers"]
    mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}

    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert {"name": "models", "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}} in pod["volumes"]
    assert environment(worker)["MOODLINE_WORKER__REGISTRY"] == mounts["models"]
    assert "REDIS_URL" in environment(worker)  # the base's are still there


def test_the_operator_reaches_redis_with_its_own_password_and_ends_by_itself() -> None:
    (pod,) = written(OPERATOR)
    (container,) = pod["spec"]["containers"]
    (volume,) = [one["secret"] for one in pod["spec"]["volumes"] if "secret" in one]
    model = WORKLOADS["api"]["spec"]["template"]["spec"]

    assert pod["spec"]["activeDeadlineSeconds"] <= 3600
    assert pod["spec"]["securityContext"] == model["securityContext"]
    assert container["securityContext"] == model["containers"][0]["securityContext"]
    assert volume["items"] == [{"key": "redis_operator", "path": "REDIS_PASSWORD"}]
    assert environment(pod) == {"REDIS_URL": "redis://operator@redis:6379/0", SECRETS_VARIABLE: "/run/secrets"}
    assert {"operator", "jobs"} <= let_through_to_redis(BASE)


def let_through_to_redis(manifests: list[Manifest]) -> set[str]:
    """Return who may speak to Redis and is listened to there."""
    policies = {one["metadata"]["name"]: one["spec"] for one in manifests if one["kind"] == "NetworkPolicy"}
    (rule,) = policies["redis"]["ingress"]
    sides = (rule["from"][0]["podSelector"], policies["to-redis"]["podSelector"])
    first, second = ({name for one in side["matchExpressions"] for name in one["values"]} for side in sides)
    return first & second


@pytest.mark.parametrize("beside", [(), ("recordings",), EVERYTHING[:-1]], ids="+".join)
def test_with_an_external_redis_there_is_none_of_our_own(beside: tuple[str, ...]) -> None:
    manifests = combined(*beside, "external-redis")
    own = {one["metadata"]["name"] for one in manifests if one["kind"] not in {"ConfigMap", "NetworkPolicy"}}
    (address,) = [one for one in manifests if one["metadata"]["name"] == "redis-address"]
    (policy,) = [one["spec"] for one in manifests if one["metadata"]["name"] == "to-external-redis"]

    assert "redis" not in own
    for name, workload in workloads(manifests).items():
        assert environment(workload)["REDIS_URL"] == f"rediss://{name}@{address['data']['server']}"
        (key,) = environment(workload)["MOODLINE_REDIS__PARTITIONS"].values()  # type: ignore[attr-defined]
        assert key["key"] in address["data"]
        assert name in policy["podSelector"]["matchExpressions"][0]["values"]


def test_the_operator_reaches_an_external_redis_too() -> None:
    (pod,) = [one for one in combined("external-redis", of=OPERATOR) if one["kind"] == "Pod"]

    assert environment(pod)["REDIS_URL"] == "rediss://operator@redis.example:6379/0"
    assert "MOODLINE_REDIS__PARTITIONS" in environment(pod)


def test_the_overlay_that_the_page_shows_does_what_it_says() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(
        r"^```yaml\n# deploy/kubernetes/(\S+)/kustomization.yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL
    )
    wanted = yaml.safe_load(block[1])
    for name in ("resources", "components"):
        wanted[name] = [(FOLDER / block[0] / path).resolve() for path in wanted[name]]
    worker = workloads(made_of(wanted))["worker"]

    assert worker["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/moodline-worker-gpu:0.1.0"
