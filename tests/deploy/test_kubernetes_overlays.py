"""The overlays of the Kubernetes manifests: each adds what it is there for."""

import pytest

from moodline.config.environment import variable_names
from moodline.config.secrets import SECRETS_VARIABLE
from moodline.settings import Settings
from tests.deploy.test_kubernetes import BASE, FOLDER, OPERATOR, WORKLOADS, rendered, workloads, written


@pytest.mark.parametrize("overlay", ["keda", "hpa"])
def test_the_autoscaler_alone_says_how_many_workers_there_are(overlay: str) -> None:
    assert "replicas" not in workloads(rendered(FOLDER / "overlays" / overlay))["worker"]["spec"]


def test_without_prometheus_keda_takes_no_worker_away() -> None:
    (scaled,) = [one for one in written(FOLDER / "overlays/keda") if one["kind"] == "ScaledObject"]

    assert scaled["spec"]["fallback"]["behavior"] == "currentReplicasIfHigher"


def test_a_gpu_worker_asks_for_a_gpu_and_a_node_that_has_one() -> None:
    pod = workloads(rendered(FOLDER / "overlays/gpu"))["worker"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert {entry["name"] for entry in container["env"]} <= {*variable_names(Settings), SECRETS_VARIABLE}


def test_every_worker_has_the_models_that_are_put_into_the_volume() -> None:
    manifests = rendered(FOLDER / "overlays/models")
    pod = workloads(manifests)["worker"]["spec"]["template"]["spec"]
    (claim,) = [one for one in manifests if one["kind"] == "PersistentVolumeClaim"]
    (container,) = pod["containers"]
    mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}

    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert {"name": "models", "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}} in pod["volumes"]
    assert {"name": "MOODLINE_WORKER__REGISTRY", "value": mounts["models"]} in container["env"]
    assert "REDIS_URL" in {entry["name"] for entry in container["env"]}  # the base's are still there


def test_the_operator_reaches_redis_with_its_own_password_and_ends_by_itself() -> None:
    (pod,) = written(OPERATOR)
    (container,) = pod["spec"]["containers"]
    (volume,) = [one["secret"] for one in pod["spec"]["volumes"] if "secret" in one]
    given = {entry["name"]: entry["value"] for entry in container["env"]}
    model = WORKLOADS["api"]["spec"]["template"]["spec"]

    assert pod["spec"]["activeDeadlineSeconds"] <= 3600
    assert pod["spec"]["securityContext"] == model["securityContext"]
    assert container["securityContext"] == model["containers"][0]["securityContext"]
    assert volume["items"] == [{"key": "redis_operator", "path": "REDIS_PASSWORD"}]
    assert given == {"REDIS_URL": "redis://operator@redis:6379/0", SECRETS_VARIABLE: "/run/secrets"}
    policies = {one["metadata"]["name"]: one["spec"] for one in BASE if one["kind"] == "NetworkPolicy"}
    (rule,) = policies["redis"]["ingress"]
    for selector in (rule["from"][0]["podSelector"], policies["to-redis"]["podSelector"]):
        (wanted,) = selector["matchExpressions"]
        assert pod["metadata"]["labels"][wanted["key"]] in wanted["values"]


def test_with_an_external_redis_there_is_none_of_our_own() -> None:
    manifests = rendered(FOLDER / "overlays/external-redis")

    assert "redis" not in {one["metadata"]["name"] for one in manifests if one["kind"] != "ConfigMap"}
    for name in ("ingest", "worker", "api"):
        (container,) = workloads(manifests)[name]["spec"]["template"]["spec"]["containers"]
        given = {entry["name"]: entry["value"] for entry in container["env"]}
        assert given["REDIS_URL"] == f"rediss://{name}@redis.example:6379/0"
        assert given.keys() <= {*variable_names(Settings), SECRETS_VARIABLE}
