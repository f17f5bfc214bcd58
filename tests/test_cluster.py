"""A Ray cluster of two nodes gives the same bytes, whatever happens to its workers."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pictures_for_tests import files_of, gallery

import lienzo

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[None]:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    yield
    ray.shutdown()
    cluster.shutdown()


def test_the_same_bytes(two_nodes: None, tmp_path: Path) -> None:
    assert len([node for node in ray.nodes() if node["Alive"]]) == 2
    source = gallery(tmp_path / "pictures", 100)
    lienzo.prepare(source, tmp_path / "here", size=16, workers=1)
    lienzo.prepare(source, tmp_path / "there", size=16, engine="ray")
    assert files_of(tmp_path / "here") == files_of(tmp_path / "there")


def test_a_worker_killed_half_way(two_nodes: None, tmp_path: Path) -> None:
    source = gallery(tmp_path / "pictures", 400)
    lienzo.prepare(source, tmp_path / "here", size=16, workers=1)

    def pid() -> int:
        return os.getpid()

    pids = ray.get([ray.remote(pid).remote() for _ in range(4)])
    killed = threading.Event()

    def kill() -> None:
        journal = tmp_path / "there" / ".journal"
        while not (journal.exists() and journal.stat().st_size > 10_000):
            time.sleep(0.002)
        for pid in set(pids):
            os.kill(pid, signal.SIGKILL)
        killed.set()

    threading.Thread(target=kill, daemon=True).start()
    lienzo.prepare(source, tmp_path / "there", size=16, engine="ray")
    assert killed.wait(300)
    assert files_of(tmp_path / "here") == files_of(tmp_path / "there")
