"""Free ports of loopback for servers that tests start.

They are taken by chance and lie below those that the kernel gives to clients: several test runs, and all the
clients of each, are at work at the same time, and a port stays unused from its choice until its server listens."""
import random
import socket

FIRST, LAST = 10000, 32767

chance = random.SystemRandom()


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count):
    """The first of COUNT free ports in a row."""
    for _ in range(1000):
        first = chance.randrange(FIRST, LAST - count)
        if all(is_free(first + at) for at in range(count)):
            return first
    raise AssertionError("no free ports")


def free_port():
    return free_ports(1)
