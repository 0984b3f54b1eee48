"""Hosts find each other, or fail with one line that says why; without JAX, each a thread here."""

import socket
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import pytest

from model.errors import DannError
from training.config.tables import TrainConfig
from training.loop.rendezvous import rendezvous


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def config_of(port: int, host: int, hosts: int = 2) -> TrainConfig:
    return TrainConfig(hosts=hosts, host=host, coordinator=f"127.0.0.1:{port}", batch_size=hosts)


def rendezvous_all(*configs: TrainConfig) -> list[Future[None]]:
    with ThreadPoolExecutor(len(configs)) as pool:
        return [pool.submit(rendezvous, config, 20.0) for config in configs]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_all_go_when_the_last_has_come_and_the_port_is_free_again(order: tuple[int, ...]) -> None:
    port = free_port()
    for ended in rendezvous_all(*(config_of(port, host, 3) for host in order)):
        ended.result()
    with socket.create_server(("", port)):
        pass


def test_a_host_that_does_not_come_is_named() -> None:
    with pytest.raises(DannError, match=r"^train.hosts = 3: host 1, 2 did not call .* within 0.3 seconds"):
        rendezvous(config_of(free_port(), 0, 3), 0.3)


def test_a_host_0_that_is_not_there_is_told() -> None:
    with pytest.raises(DannError, match=r"^train.coordinator = 127.0.0.1:\d+: host 0 cannot be reached within 0.3"):
        rendezvous(config_of(free_port(), 1), 0.3)
    with pytest.raises(DannError, match=r"^train.coordinator = nowhere.invalid:1: host 0 cannot be reached"):
        rendezvous(TrainConfig(hosts=2, host=1, coordinator="nowhere.invalid:1"), 0.0)


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("", 0)) as taken, pytest.raises(DannError, match=r"port \d+ cannot be listened at"):
        rendezvous(config_of(taken.getsockname()[1], 0), 0.3)


def test_a_number_that_is_taken_and_another_count_are_refused_and_the_right_host_still_joins() -> None:
    port = free_port()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(rendezvous, config_of(port, 0, 3), 20.0)
        one, same = (pool.submit(rendezvous, config_of(port, 1, 3), 20.0) for _ in range(2))
        with pytest.raises(DannError, match=r"^host 0 lets host 1 not join: host 0 has train.hosts = 3, not 2$"):
            rendezvous(config_of(port, 1, 2), 20.0)
        wait([one, same], return_when=FIRST_COMPLETED)  # the one that is refused; the other goes when host 2 is there
        rendezvous(config_of(port, 2, 3), 20.0)
        first.result()
        errors = [str(ended.exception()) for ended in (one, same) if ended.exception()]
        assert errors == ["host 0 lets host 1 not join: train.host = 1 is taken"]


def test_a_host_that_has_reached_itself_calls_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens at a port yet, a call may leave from that very port, and TCP connects it to itself."""
    port, calls, real = free_port(), [0], socket.create_connection

    def first_from_that_port(address: tuple[str, int], timeout: float) -> socket.socket:
        calls[0] += 1
        return real(address, timeout, source_address=address if calls[0] == 1 else None)

    monkeypatch.setattr(socket, "create_connection", first_from_that_port)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(rendezvous, config_of(port, 1), 5.0)
        while calls[0] < 2:
            assert not second.done()
            time.sleep(0.01)
        rendezvous(config_of(port, 0), 5.0)
        second.result()


def test_a_stranger_at_the_port_is_sent_away() -> None:
    port = free_port()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(rendezvous, config_of(port, 0), 20.0)
        while True:
            try:
                stranger = socket.create_connection(("127.0.0.1", port))
                break
            except ConnectionRefusedError:
                continue
        with stranger:
            stranger.sendall(b"GET / HTTP/1")
            assert stranger.recv(100) == b""
        rendezvous(config_of(port, 1), 20.0)
        first.result()
