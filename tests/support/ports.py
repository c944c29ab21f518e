"""Ports of this machine for servers of tests."""

import itertools
import random
import socket


def is_open(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


GIVEN = set()  # a port is asked for some time before its server listens


def free_port(wanted=None):
    """One below those that the kernel gives to clients, so that it is still ours while the node is down.
    It is never given twice."""
    fresh = (port for port in random.sample(range(15000, 32000), 200) if port not in GIVEN)
    for port in itertools.chain([wanted] if wanted else [], fresh):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        GIVEN.add(port)
        return port
    raise RuntimeError("no port is free")
