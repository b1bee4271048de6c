"""Who may speak to whom, as Kubernetes reads network policies (networking.k8s.io/v1, without named ports)."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = "moodline"
Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Peer:
    """A pod, or with a namespace of "" an address outside of the cluster.

    Pods have an address, too: some network plugins let a block of addresses mean pods.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = NAMESPACE
    address: str = "10.244.0.7"


def may_reach(policies: Iterable[Spec], source: Peer, target: Peer, port: int, protocol: str = "TCP") -> bool:
    """Whether the source may open a connection to the target: both sides have to allow it."""
    known = list(policies)
    out = _allows(known, "Egress", source, target, port, protocol)
    return out and _allows(known, "Ingress", target, source, port, protocol)


def _allows(policies: list[Spec], direction: str, pod: Peer, other: Peer, port: int, protocol: str) -> bool:
    """Whether ``pod`` may speak in a direction; what no policy selects may do everything, as in other namespaces."""
    selecting = [
        spec
        for spec in policies
        if pod.namespace == NAMESPACE and direction in spec["policyTypes"] and _selects(spec["podSelector"], pod.labels)
    ]
    rules = [rule for spec in selecting for rule in spec.get(direction.lower(), ())]
    peers = "from" if direction == "Ingress" else "to"
    return not selecting or any(
        _is_one_of(rule.get(peers), other) and _is_port(rule.get("ports"), port, protocol) for rule in rules
    )


def _is_one_of(peers: list[Spec] | None, other: Peer) -> bool:
    return not peers or any(_is(peer, other) for peer in peers)


def _is(peer: Spec, other: Peer) -> bool:
    if block := peer.get("ipBlock"):
        address = ipaddress.ip_address(other.address)
        excepted = any(address in ipaddress.ip_network(one) for one in block.get("except", ()))
        return address in ipaddress.ip_network(block["cidr"]) and not excepted
    if not other.namespace:
        return False
    if "namespaceSelector" in peer:
        in_namespace = _selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": other.namespace})
    else:
        in_namespace = other.namespace == NAMESPACE
    return in_namespace and _selects(peer.get("podSelector", {}), other.labels)


def _is_port(ports: list[Spec] | None, port: int, protocol: str) -> bool:
    return not ports or any(
        one.get("protocol", "TCP") == protocol
        and one.get("port", port) <= port <= one.get("endPort", one.get("port", port))
        for one in ports
    )


def _selects(selector: Spec, labels: Mapping[str, str]) -> bool:
    """Whether a selector means what has these labels; an empty one means everything."""
    by_label = all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())
    for wanted in selector.get("matchExpressions", ()):
        assert wanted["operator"] == "In", "the only operator that is used"
        by_label &= labels.get(wanted["key"]) in wanted["values"]
    return by_label
