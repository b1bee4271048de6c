"""Whether a worker has warmed up, as its own metrics say."""

import http.client

from moodline.metrics import GAUGES

_TIMEOUT_S = 1.0


def worker_is_ready(host: str, port: int) -> bool:
    """Ask a worker's ``/metrics``; False while it does not answer."""
    # Not urllib: a proxy in the environment must not be asked for our own machine.
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode("utf-8", errors="replace")
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return f"\n{GAUGES['worker_ready'].name} 1.0\n" in f"\n{text}\n"
