"""The network policies of the base: who may speak to whom, and nobody else to anybody."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.network_policies import Peer, may_reach
from tests.deploy.test_kubernetes import BASE, FOLDER, NAME, PORTS, WORKLOADS

Specs = dict[str, dict[str, Any]]
Way = tuple[str, str, int]

POLICIES: Specs = {one["metadata"]["name"]: one["spec"] for one in BASE if one["kind"] == "NetworkPolicy"}
CAMERA_PORTS = (554, 322, 8554, 80, 443, 8000, 8080)
OURS = ("ingest", "worker", "api", "redis")
PEERS = {
    **{name: Peer(WORKLOADS[name]["spec"]["template"]["metadata"]["labels"]) for name in OURS},
    "operator": Peer({NAME: "operator"}),
    "another pod of moodline": Peer({NAME: "somebody"}),
    "dns": Peer({"k8s-app": "kube-dns"}, "kube-system"),
    "prometheus": Peer({NAME: "prometheus"}, "monitoring"),
    "ingress controller": Peer({NAME: "ingress-nginx"}, "ingress-nginx"),
    # What is called like ours in another namespace is not ours.
    "a pod of others": Peer({NAME: "ingest"}, "default"),
    "camera": Peer({}, "", "192.168.7.20"),
    "the cloud's metadata": Peer({}, "", "169.254.169.254"),
}
LISTENING = {
    **{name: [port] for name, port in PORTS.items()},
    "operator": [],
    "another pod of moodline": [],
    "dns": [53],
    "camera": [*CAMERA_PORTS, 6379],
    "the cloud's metadata": [80, 443],
}
EXPECTED: set[Way] = {
    *((name, "redis", 6379) for name in ("ingest", "worker", "api", "operator")),
    ("prometheus", "ingest", 9101),
    ("prometheus", "worker", 9102),
    ("prometheus", "api", 8080),
    ("ingress controller", "api", 8080),
    *((name, "dns", 53) for name in (*OURS, "operator", "another pod of moodline")),
    *(("ingest", "camera", port) for port in CAMERA_PORTS),
}
ELSEWHERE = {name for name, peer in PEERS.items() if peer.namespace != "moodline"}
ODD_PORT = 2222


def ways(policies: Specs) -> set[Way]:
    """Return what can be reached from or in our namespace, where somebody listens and on one port more."""
    return {
        (source, target, port)
        for source in PEERS
        for target, ports in LISTENING.items()
        if source != target and not {source, target} <= ELSEWHERE
        for port in (*ports, ODD_PORT)
        if may_reach(policies.values(), PEERS[source], PEERS[target], port)
    }


def test_exactly_those_reach_each_other_that_have_to() -> None:
    assert ways(POLICIES) == EXPECTED


def test_names_are_asked_for_by_udp_and_nothing_else_is() -> None:
    udp = {
        (source, target)
        for source in OURS
        for target, ports in LISTENING.items()
        for port in ports
        if may_reach(POLICIES.values(), PEERS[source], PEERS[target], port, "UDP")
    }

    assert udp == {(source, "dns") for source in OURS}


def test_the_page_names_the_ports_of_cameras() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")

    assert "lets ingest out to 554, 322, 8554, 80, 443, 8000 and 8080" in page


def from_anybody(name: str) -> Callable[[Specs], None]:
    def change(policies: Specs) -> None:
        for rule in policies[name]["ingress"]:
            del rule["from"]

    return change


def to_anybody(policies: Specs) -> None:
    policies["to-redis"].update(podSelector={}, egress=[{}])


def to_every_address(policies: Specs) -> None:
    del policies["to-cameras"]["egress"][0]["to"][0]["ipBlock"]["except"]


def from_any_port(policies: Specs) -> None:
    del policies["metrics"]["ingress"][0]["ports"]


def nobody_denied(policies: Specs) -> None:
    del policies["deny-all"]


def no_names(policies: Specs) -> None:
    del policies["dns"]


@pytest.mark.parametrize(
    "change",
    [
        *map(from_anybody, ("redis", "metrics", "api")),
        to_anybody,
        to_every_address,
        from_any_port,
        nobody_denied,
        no_names,
    ],
)
def test_a_policy_that_says_something_else_is_noticed(change: Callable[[Specs], None]) -> None:
    changed = copy.deepcopy(POLICIES)
    change(changed)

    assert ways(changed) != EXPECTED
