"""`moodline keys`: a key is shown once, listed without its secret, and revoked."""

import json
import re

from moodline.access import find_key, keys_of_lines, saved_keys
from moodline.broker import Broker
from tests.cli.running import moodline
from tests.support.brokers import url_of


def test_a_key_is_made_listed_and_revoked(broker: Broker) -> None:
    env = {"REDIS_URL": url_of(broker)}
    made = moodline("keys", "create", "--scope", "read", "--name", "kitchen tablet", env=env)
    text = made.stdout.strip()
    assert re.fullmatch(r"ml_[0-9a-f]{8}_[0-9a-f]{64}", text)
    assert "not shown again" in made.stderr
    key_id = text.split("_")[1]
    assert find_key(text, saved_keys(broker)) is not None

    listed = json.loads(moodline("keys", "list", "--json", env=env).stdout)
    assert (listed["id"], listed["scope"], listed["name"]) == (key_id, "read", "kitchen tablet")
    shown = moodline("keys", "list", env=env).stdout
    assert "kitchen tablet" in shown
    assert text.split("_")[2][:12] not in shown + json.dumps(listed)

    assert moodline("keys", "revoke", key_id, env=env).returncode == 0
    assert saved_keys(broker) == {}
    again = moodline("keys", "revoke", key_id, env=env)
    assert again.returncode == 2
    assert f"There is no key '{key_id}'" in " ".join(again.stderr.split())


def test_a_key_for_the_configuration_needs_no_redis() -> None:
    made = moodline("keys", "create", "--scope", "write", "--for-config")
    line = made.stderr.strip().splitlines()[-1].removeprefix("  - ")

    key = find_key(made.stdout.strip(), keys_of_lines([line]))

    assert made.returncode == 0
    assert key is not None
    assert key.scope == "write"


def test_an_unknown_scope_is_named() -> None:
    done = moodline("keys", "create", "--scope", "admin")
    assert done.returncode == 2
    assert "'admin' is none of read, write, webcam" in done.stderr
