"""Who should read what: the same answer for every host, even, and as few moves as may be."""

import itertools

from ingest.share import assign

STREAMS = frozenset("abcdefgh")


def loads(assigned: dict[str, str]) -> list[int]:
    return sorted(list(assigned.values()).count(host) for host in set(assigned.values()))


def test_streams_that_nobody_reads_are_spread_evenly() -> None:
    for hosts in (("x",), ("x", "y"), ("x", "y", "z")):
        assigned = assign(dict.fromkeys(hosts, STREAMS), {})
        assert set(assigned) == STREAMS
        assert loads(assigned)[-1] - loads(assigned)[0] <= 1


def test_every_host_comes_to_the_same_answer() -> None:
    hosts = ("x", "y", "z")
    readers = {"a": "x", "b": "x", "c": "x", "d": "x", "e": "y"}
    answers = [
        assign(dict.fromkeys(order, frozenset(letters)), dict(reversed(readers.items())))
        for order, letters in zip(
            itertools.permutations(hosts), itertools.cycle(["abcdefgh", "hgfedcba"]), strict=False
        )
    ]
    assert all(answer == answers[0] for answer in answers)


def test_a_stream_stays_where_it_is_read_when_others_come_and_go() -> None:
    hosts = dict.fromkeys(("x", "y"), STREAMS)
    before = assign(hosts, {})
    more = STREAMS | {"new-1", "new-2"}
    after = assign(dict.fromkeys(hosts, more), before)
    assert {stream: host for stream, host in after.items() if stream in STREAMS} == before
    fewer = {stream: host for stream, host in before.items() if stream != "a"}
    assert assign(dict.fromkeys(hosts, STREAMS - {"a"}), fewer) == fewer


def test_a_new_host_gets_its_share_and_no_stream_moves_for_nothing() -> None:
    before = dict.fromkeys(STREAMS, "x")
    after = assign({"x": STREAMS, "y": STREAMS}, before)
    assert loads(after) == [4, 4]
    # While x gives up one after the other, the same ones are meant.
    moved = sorted(stream for stream, host in after.items() if host == "y")
    halfway = {stream: host for stream, host in before.items() if stream not in moved[:2]}
    assert assign({"x": STREAMS, "y": STREAMS}, halfway) == after


def test_a_host_that_has_just_come_gets_only_what_nobody_reads() -> None:
    hosts = {"x": STREAMS, "y": STREAMS}
    readers = dict.fromkeys(STREAMS - {"a"}, "x")
    assigned = assign(hosts, readers, settled=frozenset({"x"}))
    assert {stream for stream, host in assigned.items() if host == "y"} == {"a"}


def test_what_a_dead_or_unwilling_host_still_reads_is_left_alone() -> None:
    assert "a" not in assign({"y": STREAMS}, {"a": "dead"})
    assert "a" not in assign({"x": STREAMS - {"a"}, "y": STREAMS}, {"a": "x"})


def test_only_a_host_that_wants_a_stream_gets_it() -> None:
    assigned = assign({"x": frozenset("ab"), "y": frozenset("cdefgh"), "z": frozenset()}, {})
    assert {stream for stream, host in assigned.items() if host == "x"} == {"a", "b"}
    assert "z" not in assigned.values()
    assert assign({"x": frozenset()}, {}) == {}
    assert assign({}, {"a": "x"}) == {}
