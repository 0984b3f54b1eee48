"""A rendezvous of all hosts over TCP before JAX starts. Knows no JAX.

jax.distributed ends the whole process, with pages of C++, where a host is missing or has another's number. So hosts meet
first, at the very address that it will use: each of the others sends host 0 its number, and host 0 answers all of them at
once when the last has connected.
"""

import socket
import struct
import time
from contextlib import suppress

from model.errors import DannError
from training.config.tables import TrainConfig

WAIT_SECONDS = 300.0
"""How long a host waits for the others, which are started by hand, one after another."""
HELLO = struct.Struct("!4sII")
MAGIC = b"dann"
GO = b"go"
NO_LINGER = struct.pack("ii", 1, 0)
"""For SO_LINGER: a closed connection does not keep the port taken for a minute."""
POLL_SECONDS = 0.2
GREETING_SECONDS = 5.0


def rendezvous(config: TrainConfig, wait: float = WAIT_SECONDS) -> None:
    """Return when all `config.hosts` hosts are here; raises DannError if one is missing after `wait` seconds, or refused."""
    address, _, port = config.coordinator.rpartition(":")
    deadline = time.monotonic() + wait
    if config.host:
        _call(config, (address.strip("[]"), int(port)), deadline, wait)
    else:
        _gather(config, int(port), deadline, wait)


def _gather(config: TrainConfig, port: int, deadline: float, wait: float) -> None:
    """Host 0: wait until each of the others has connected, then answer them all."""
    callers: dict[int, socket.socket] = {}
    try:
        with _listening(port) as listener:
            while len(callers) < config.hosts - 1:
                _answer(config, listener, callers)
                if time.monotonic() > deadline:
                    missing = sorted(set(range(1, config.hosts)) - set(callers))
                    raise DannError(
                        f"train.hosts = {config.hosts}: host {', '.join(map(str, missing))} did not call at port {port} "
                        f"within {wait:g} seconds; start it with the same settings and its own train.host"
                    )
        for caller in callers.values():  # the port is free again: JAX listens there next
            caller.sendall(GO)
    finally:
        for caller in callers.values():
            caller.close()


def _listening(port: int) -> socket.socket:
    try:
        dual = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if dual else socket.AF_INET
        listener = socket.create_server(("", port), family=family, dualstack_ipv6=dual)
    except OSError as error:
        raise DannError(
            f"train.coordinator: port {port} cannot be listened at ({error.strerror}); choose a free one"
        ) from error
    listener.settimeout(POLL_SECONDS)
    return listener


def _answer(config: TrainConfig, listener: socket.socket, callers: dict[int, socket.socket]) -> None:
    """Accept one connection, if there is one, or refuse it with a reason; strangers are dropped without one."""
    try:
        caller, _ = listener.accept()
    except TimeoutError:
        return
    with suppress(OSError):
        caller.settimeout(GREETING_SECONDS)
        greeting = caller.makefile("rb").read(HELLO.size)
        if len(greeting) == HELLO.size and greeting.startswith(MAGIC):
            _, hosts, host = HELLO.unpack(greeting)
            if hosts == config.hosts and host not in callers:
                callers[host] = caller
                return
            taken, other = f"train.host = {host} is taken", f"host 0 has train.hosts = {config.hosts}, not {hosts}"
            caller.sendall((taken if hosts == config.hosts else other).encode())
    caller.close()


def _call(config: TrainConfig, address: tuple[str, int], deadline: float, wait: float) -> None:
    """Any other host: connect to host 0, again and again until it accepts, and wait for its answer."""
    hello = HELLO.pack(MAGIC, config.hosts, config.host)
    while True:
        try:
            with socket.create_connection(address, timeout=max(POLL_SECONDS, deadline - time.monotonic())) as line:
                if line.getsockname() == line.getpeername():  # on one machine, where nobody listens yet: TCP allows it
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
                    raise OSError("nobody listens there")
                line.sendall(hello)
                answer = line.makefile("rb").read(200)
            break
        except OSError as error:
            if time.monotonic() > deadline:
                raise DannError(
                    f"train.coordinator = {config.coordinator}: host 0 cannot be reached within {wait:g} seconds ({error}); "
                    "is it started, and does a firewall let its port through?"
                ) from error
            time.sleep(POLL_SECONDS)
    if answer != GO:
        raise DannError(
            f"host 0 lets host {config.host} not join: {answer.decode(errors='replace') or 'it has stopped'}"
        )
