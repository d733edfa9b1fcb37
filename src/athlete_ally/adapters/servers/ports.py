"""Free ports on this machine."""

import random
import socket
from contextlib import suppress

# Below the range from which systems take the ports of outgoing connections (32768 on Linux, 49152 elsewhere), so that
# nobody is given ours between the look and the bind.
_RANGE = range(20_000, 32_000)


def free_port() -> int:
    """Return a TCP port on which nothing listens now."""
    while True:
        port = random.choice(_RANGE)  # noqa: S311  # not a secret
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
