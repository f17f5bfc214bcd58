"""How the studio bears load: a real server on loopback over synthetic folders, asked through HTTP as a page asks.

    python benchmarks/studio.py [clients list curve collection canvas training] [--json]
    python benchmarks/studio.py page --minutes 60

``clients`` follow one run by server-sent events; ``list`` reads a folder of many runs; ``curve`` a long log;
``collection`` a large collection, whose pictures are a sparse file; ``canvas`` asks for 16 pictures of 64 px while
nothing trains; ``training`` is what a `lienzo train` loses while someone asks the canvas without pause: short windows
with and without, in turns, each compared with its neighbours, since other programs may share the machine. ``page``
leaves the view of a live run open in Chromium, and says every minute what the page and the server hold.
"""

import argparse
import asyncio
import contextlib
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

import lienzo
from lienzo.collection import tables
from lienzo.collection.manifest import Manifest, Shard, Tables, shard_names
from lienzo.compute.machine import processor
from lienzo.evaluation.scores import Scores
from lienzo.generation.generation import save_generator
from lienzo.metrics.estimate import Estimate
from lienzo.metrics.results import Measures
from lienzo.networks.shape import Shape
from lienzo.recipe.catalogue import find
from lienzo.run.manifest import FORMAT
from lienzo.run.occupancy import occupying
from lienzo.run.panels import PANELS
from lienzo.run.run import Run
from lienzo.storage.files import fingerprint, write_json
from lienzo.training.state import State

Table = dict[str, Any]
"""What was measured -> its value, of one part."""

Word = str | int
"""Of a request."""

MIB = 1 << 20
RECIPES = ("fast", "few", "thesis")


class Server:
    """A studio over a folder, as a process of its own."""

    def __init__(self, folder: Path) -> None:
        words = [sys.executable, "-m", "lienzo", "studio", str(folder), "--port", "0"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().split()[-1]
        self.client = httpx.Client(base_url=self.address.partition("/?")[0], timeout=300, follow_redirects=True)
        self.client.get(self.address).raise_for_status()
        self.client.headers["origin"] = str(self.client.base_url).rstrip("/")
        self.cookie = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())

    def ask(self, path: str, **query: Word) -> Any:
        """Return the answer."""
        return self.client.get(path, params=query).raise_for_status().json()

    def milliseconds(self, path: str, **query: Word) -> float:
        """Return how long an answer takes."""
        start = time.perf_counter()
        self.client.get(path, params=query).raise_for_status()
        return (time.perf_counter() - start) * 1e3

    def usually(self, path: str, times: int = 20, /, **query: Word) -> float:
        """Return the median of several times."""
        return statistics.median(self.milliseconds(path, **query) for _ in range(times))

    def memory(self) -> float:
        """Return the memory that is the server's own, in MiB."""
        return float(psutil.Process(self.process.pid).memory_full_info().uss / MIB)

    def processor(self) -> float:
        """Return the seconds of processor that the server and what paints for it have taken."""
        family = [server := psutil.Process(self.process.pid), *server.children(recursive=True)]
        return float(sum(times.user + times.system for times in (one.cpu_times() for one in family)))


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a folder meanwhile."""
    server = Server(folder)
    try:
        yield server
    finally:
        server.client.close()
        server.process.send_signal(signal.SIGINT)
        server.process.wait()


def clients(folder: Path, given: argparse.Namespace) -> Table:
    """Follow one run from many pages at once, four times."""
    run = made_run(folder / "run", lines=1_000)
    with serving(folder) as server, occupying(run):
        asyncio.run(followed(server, run, 1, 1))
        before, during, delays = server.memory(), 0.0, []
        awaited = 4 * given.clients * given.ticks
        for _ in range(4):
            more, held = asyncio.run(followed(server, run, given.clients, given.ticks))
            delays += more
            during = max(during, held)
        time.sleep(1)
        return {
            f"lines that {given.clients} clients got, of those written": f"{len(delays) / awaited:.0%}",
            "delay of a line, median, ms": statistics.median(delays) * 1e3,
            "delay of a line, 99 of 100, ms": quantile(delays, 0.99) * 1e3,
            "memory of the server before, MiB": before,
            "memory of the server meanwhile, MiB": during,
            "memory of the server after four times, MiB": server.memory(),
        }


async def followed(server: Server, run: Run, count: int, ticks: int) -> tuple[list[float], float]:
    """Return how late each line came to each client, in seconds, and the server's memory meanwhile."""
    delays: list[float] = []
    pages = [asyncio.create_task(follow(server, delays)) for _ in range(count)]
    await asyncio.sleep(2)
    last = run.last_line()["images"]
    for number in range(ticks):
        run.append_log({**line(last + 160 * (number + 1)), "written": time.time()})
        await asyncio.sleep(0.23)
    await asyncio.sleep(2)
    held = server.memory()
    for page in pages:
        page.cancel()
    await asyncio.gather(*pages, return_exceptions=True)
    return delays, held


async def follow(server: Server, delays: list[float]) -> None:
    """Follow a run as a page does, and note the age of every line that comes."""
    host, port = str(server.client.base_url.host), server.client.base_url.port
    reader, writer = await asyncio.open_connection(host, port, limit=16 * MIB)
    words = f"GET /api/run/news?run=run HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {server.cookie}\r\n\r\n"
    writer.write(words.encode())
    try:
        event = b""
        while text := await reader.readline():
            if text.startswith(b"event: "):
                event = text[7:].strip()
            elif text.startswith(b"data: ") and event == b"tick":
                now = time.time()
                delays += [now - each["written"] for each in json.loads(text[6:])]
    finally:
        writer.close()


def list_(folder: Path, given: argparse.Namespace) -> Table:
    """List a folder of many runs, a tenth of which change."""
    runs = [made_run(folder / f"run-{i:05}", lines=200, number=i) for i in range(given.runs)]
    with serving(folder) as server:
        first = server.milliseconds("/api/runs", count=60)
        again = server.usually("/api/runs", count=60)
        for run in runs[:: max(1, given.runs // 6)]:
            run.append_log(line(10**6))
        time.sleep(3)
        changed = server.milliseconds("/api/runs", count=60)
        deep = server.milliseconds("/api/runs", count=60, first=given.runs // 2)
        return {
            "first answer, ms": first,
            "next answer, median, ms": again,
            "next answer, when the folder is looked through again and some runs have changed, ms": changed,
            "first answer of a page in the middle, ms": deep,
            "search, ms": server.usually("/api/runs", count=60, search="99"),
            "memory of the server, MiB": server.memory(),
        }


def curve(folder: Path, given: argparse.Namespace) -> Table:
    """Read the curves of a long log."""
    run = made_run(folder / "run", lines=given.lines)
    end = run.last_line()["images"]
    with serving(folder) as server:
        before = server.memory()
        return {
            "size of the log, MiB": run.log_path.stat().st_size / MIB,
            "the run's page, first, ms": server.milliseconds("/api/run", run="run"),
            "the run's page, again, ms": server.usually("/api/run", 5, run="run"),
            "whole curve, 1,200 points, ms": server.usually("/api/run/curve", 5, run="run", most=1_200),
            "a tenth of it, ms": server.usually(
                "/api/run/curve", 5, run="run", most=1_200, first=end // 2, last=end // 2 + end // 10
            ),
            "memory that the server took for it, MiB": server.memory() - before,
        }


def collection(folder: Path, given: argparse.Namespace) -> Table:
    """Look through a large collection."""
    made_collection(folder / "large", given.pictures)
    about = {"collection": "large"}
    with serving(folder) as server:
        before = server.memory()
        pages, label = "/api/collection/pictures", {"kind": "style", "label": "style 7"}
        return {
            "its page, first, ms": server.milliseconds("/api/collection", **about),
            "its page, again, ms": server.usually("/api/collection", 5, **about),
            "page of 60 pictures, the first, ms": server.milliseconds(pages, **about),
            "page of 60 pictures in the middle, ms": server.usually(pages, 5, **about, first=given.pictures // 2),
            "label filter, first, ms": server.milliseconds(pages, **about, **label),
            "label filter, next page, ms": server.usually(pages, 5, **about, **label, first=600),
            "search, first, ms": server.milliseconds(pages, **about, search="0099"),
            "search, next page, ms": server.usually(pages, 5, **about, search="0099", first=60),
            "one picture, ms": server.usually("/api/collection/picture", **about, row=given.pictures - 1),
            "memory that the server took for it, MiB": server.memory() - before,
        }


def canvas(folder: Path, given: argparse.Namespace) -> Table:
    """Ask for 16 pictures of each recipe's generator, one wish after the other."""
    for recipe in RECIPES:
        made_generator(folder / recipe, recipe)
    told: Table = {}
    with serving(folder) as server:
        for recipe in RECIPES:
            begun = painted(server, recipe, 0)
            for number in range(1, 10):
                painted(server, recipe, number)
            spent = server.processor()
            times = [painted(server, recipe, 10 + number) for number in range(given.wishes)]
            spent = server.processor() - spent
            told |= {
                f"{recipe}, the first wish, ms": begun,
                f"{recipe}, median, ms": statistics.median(times),
                f"{recipe}, 95 of 100, ms": quantile(times, 0.95),
                f"{recipe}, processor time of a wish, ms": spent / given.wishes * 1e3,
            }
    return told


def painted(server: Server, run: str, number: int) -> float:
    """Return the milliseconds of an answer of 16 pictures."""
    pictures = [{"place": {"seed": 16 * number + at}} for at in range(16)]
    wish = {"kind": "paint", "run": run, "pictures": pictures, "columns": 8}
    start = time.perf_counter()
    server.client.post("/api/canvas/wish", json=wish, headers={"x-page": "benchmark"}).raise_for_status()
    return (time.perf_counter() - start) * 1e3


def training(folder: Path, given: argparse.Namespace) -> Table:
    """Train beside the canvas, in windows with and without wishes, in turns."""
    made_generator(folder / "played", "fast")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 64, 3), np.uint8)
    (folder / "pictures").mkdir()
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(folder / "pictures" / f"{number}.png")
    pictures = lienzo.prepare(folder / "pictures", folder / "collection", size=64, workers=1)
    words = ["train", str(pictures.path), "--recipe", "fast", "--out", str(folder / "run"), "--set", "images=100000000"]
    batch = find("fast").batch
    process = subprocess.Popen(
        [sys.executable, "-m", "lienzo", *words, f"tick={2 * batch}", "sample_every=100000000"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"},
    )
    run = Run(folder / "run")
    try:
        with serving(folder) as server:
            painted(server, "played", 0)
            while not run.last_line() and process.poll() is None:
                time.sleep(0.2)
            time.sleep(3)
            windows = [window(server, run, process.pid, given.seconds, at % 2 == 1) for at in range(given.windows)]
    finally:
        process.terminate()
        process.wait()
    turns = [windows[at - 1 : at + 2] for at in range(1, len(windows) - 1, 2)]
    ratios = {name: [beside(three, name) for three in turns] for name in ("speed", "per_second_of_processor")}
    alone = [one for one in windows if not one["wishes"]]
    return {
        "pictures a second without wishes, median": statistics.median(one["speed"] for one in alone),
        "cores that the training takes, median": statistics.median(one["cores"] for one in alone),
        "wishes a second": statistics.median(one["wishes"] for one in windows if one["wishes"]),
        "loss of pictures a second, median of the windows, %": 100 * (1 - statistics.median(ratios["speed"])),
        "its quartiles, %": " to ".join(f"{100 * (1 - quantile(ratios['speed'], at)):.1f}" for at in (0.75, 0.25)),
        "loss of pictures for a second of processor, median, %": 100
        * (1 - statistics.median(ratios["per_second_of_processor"])),
    }


def beside(three: list[dict[str, float]], name: str) -> float:
    """Return a value of the window in the middle, divided by the mean of its neighbours."""
    before, playing, after = (one[name] for one in three)
    return 2 * playing / (before + after)


def window(server: Server, run: Run, pid: int, seconds: float, playing: bool) -> dict[str, float]:
    """Return what a training does in a few seconds: pictures a second, for each of wall clock and of processor."""
    wishes = 0
    if not playing:  # the wish of the window before has ended by itself
        time.sleep(0.3)
    begun, images, spent = moment(run, pid)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        if playing:
            wishes += 1
            painted(server, "played", wishes)
        else:
            time.sleep(0.05)
    now, later, used = moment(run, pid)
    return {
        "speed": (later - images) / (now - begun),
        "per_second_of_processor": (later - images) / (used - spent),
        "cores": (used - spent) / (now - begun),
        "wishes": wishes / (now - begun),
    }


def moment(run: Run, pid: int) -> tuple[float, int, float]:
    """Wait for the next line of the log; return the time, the pictures shown, and the seconds of processor taken."""
    before = run.last_line()["images"]
    while (images := run.last_line()["images"]) == before:
        time.sleep(0.002)
    times = psutil.Process(pid).cpu_times()
    return time.perf_counter(), images, times.user + times.system


def page(folder: Path, given: argparse.Namespace) -> Table:
    """Leave the view of a live run open, and print what it holds, every minute."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  for this part alone

    run, told = made_run(folder / "run", lines=1_000), []
    with serving(folder) as server, occupying(run), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium")
        tab = browser.new_page()
        tab.goto(server.address)
        tab.goto(str(server.client.base_url.join("/run?run=run")))
        tab.get_by_role("slider").wait_for()
        protocol = tab.context.new_cdp_session(tab)
        protocol.send("Performance.enable")
        last, begun = run.last_line()["images"], time.monotonic()
        for minute in range(round(given.minutes) + 1):
            while time.monotonic() < begun + 60 * minute:
                last += 160
                run.append_log(line(last))
                if last % 1_600 == 0:
                    Image.new("RGB", (128, 128), (last % 255, 90, 90)).save(run.sample_path(last))
                tab.wait_for_timeout(1_000)
            protocol.send("HeapProfiler.collectGarbage")
            found = {one["name"]: one["value"] for one in protocol.send("Performance.getMetrics")["metrics"]}
            told.append((found["JSHeapUsedSize"] / MIB, found["Nodes"], found["JSEventListeners"], server.memory()))
            shown = tab.locator(".bar .hint").first.inner_text()
            print(f"minute {minute:>3}: heap {told[-1][0]:6.2f} MiB, {told[-1][1]:.0f} nodes, {told[-1][2]:.0f} "
                  f"listeners, server {told[-1][3]:.1f} MiB; {shown}", file=sys.stderr, flush=True)  # fmt: skip
        browser.close()
    settled = told[len(told) // 5 :]
    names = ("heap of the page, MiB", "nodes of the page", "listeners of the page", "memory of the server, MiB")
    slopes = {
        f"{name}, in an hour": 60 * float(np.polyfit(range(len(settled)), [one[at] for one in settled], 1)[0])
        for at, name in enumerate(names)
        if len(settled) > 2
    }
    return {name: f"{settled[0][at]:.1f} to {settled[-1][at]:.1f}" for at, name in enumerate(names)} | slopes


def line(images: int, seed: int = 0) -> dict[str, Any]:
    """Return a line of a log with the measures of `fast`."""
    names = [*PANELS["losses"].curves, *PANELS["verdict"].curves, *PANELS["gradients"].curves]
    names += [*PANELS["diversity"].curves, *PANELS["overfitting"].curves, "r1_penalty", "fooled_score"]
    measures = {name: math.sin(seed + images + at) for at, name in enumerate(names)}
    return {"images": images, "seconds": images / 100, "images_per_second": 100.0, "peak_memory": 10**9, **measures}


def scored() -> Scores:
    """Return what an evaluation may find."""
    half = Estimate(0.5, 0.01)
    measures = Measures(1_000, 1_000, Estimate(40.0, 0.3), Estimate(0.05, 0.001), half, half, half, half)
    return Scores(
        subject="generator",
        generator="0" * 64,
        collection="0" * 16,
        part="train",
        detector="lite0",
        detector_fingerprint=None,
        seed=0,
        measures=measures,
        sliced_wasserstein={64: 0.1, 32: 0.2},
        novelty=None,
        labels={},
        prepared={},
        notes=(),
        seconds=60.0,
        lienzo="0.1.0",
    )


def made_run(path: Path, lines: int, number: int = 0) -> Run:
    """Return a run that nobody has trained: its recipe, manifest, log, scores and three drawings."""
    run, recipe = Run(path), find("fast").lasting(epochs=None, images=10**9)
    (path / "samples").mkdir(parents=True)
    run.recipe_path.write_text(recipe.to_toml(), encoding="utf-8")
    record = {"path": "collection", "fingerprint": "0" * 16, "count": 1_000, "shape": [64, 64, 3]}
    run.write_manifest(
        {"format": FORMAT, "recipe": recipe.to_dict(), "collection": record, "versions": {}, "machine": {}}  # type: ignore[typeddict-item]
    )
    with run.log_path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line(160 * (at + 1), number)) + "\n" for at in range(lines))
    run.scores_path.write_text((json.dumps(scored().to_json()) + "\n") * 10, encoding="utf-8")
    for images in (0, 160, 320):
        Image.new("RGB", (128, 128), (number % 256, 90, 90)).save(run.sample_path(images))
    return run


def made_generator(path: Path, recipe: str) -> None:
    """Make a run with an untrained generator of 64 px."""
    run = made_run(path, lines=1)
    shape, wanted = Shape(64, 64, 3), find(recipe).resolved(1_000)
    torch.manual_seed(0)
    state = State(wanted, shape, torch.device("cpu"))
    save_generator(run.generator_path, state.shown, wanted.network, shape, {"recipe": recipe, "images": 0})


def made_collection(path: Path, count: int) -> None:
    """Make a collection whose index is whole and whose pictures are black, in sparse files."""
    path.mkdir(parents=True)
    labels = [f"style {number}" for number in range(27)]
    most, shards = (1 << 26) // (64 * 64 * 3), []
    schema = tables.INDEX.append(pa.field("label_style", pa.string()))
    for number, first in enumerate(range(0, count, most)):
        rows, (images, index) = range(first, min(first + most, count)), shard_names(number)
        np.lib.format.open_memmap(path / images, "w+", np.uint8, (len(rows), 64, 64, 3)).flush()
        columns = {
            "source": [f"{labels[row % 27]}/{row:07}.jpg" for row in rows],
            "sha256": [f"{row:064x}" for row in rows],
            "bytes": [50_000] * len(rows),
            "format": ["JPEG"] * len(rows),
            "width": [800] * len(rows),
            "height": [600] * len(rows),
            "notes": [[]] * len(rows),
            "part": ["holdout" if row % 20 == 0 else "train" for row in rows],
            "digest": [f"{row:016x}" for row in rows],
            "perceptual_hash": list(rows),
            "label_style": [labels[row % 27] for row in rows],
        }
        pq.write_table(pa.table(columns, schema), path / index, row_group_size=tables.ROW_GROUP)
        shards.append(Shard(images, index, len(rows), "0" * 64, "0" * 64))
    refused = range(count // 10)
    columns = {"source": [f"bad/{row}.jpg" for row in refused], "reason": ["empty"] * len(refused)}
    columns |= {"detail": [""] * len(refused), "bytes": list(refused)}
    rejected = pa.table(columns, tables.REJECTED)
    pq.write_table(rejected, path / "rejected.parquet", row_group_size=tables.ROW_GROUP)
    pq.write_table(tables.LISTED.empty_table(), path / "sources.parquet")
    manifest = Manifest(
        height=64, width=64, channels=3, count=count, fingerprint=fingerprint({"pictures": count}), settings={},
        vocabularies={"style": tuple(sorted(labels))}, refused={"empty": count // 10}, shards=tuple(shards),
        tables=Tables("rejected.parquet", "sources.parquet"),
    )  # fmt: skip
    write_json(path / "collection.json", msgspec.to_builtins(manifest))


def quantile(values: list[float], share: float) -> float:
    """Return the value that this share of all is below."""
    return float(np.quantile(values, share))


PARTS: dict[str, Callable[[Path, argparse.Namespace], Table]] = {
    "clients": clients,
    "list": list_,
    "curve": curve,
    "collection": collection,
    "canvas": canvas,
    "training": training,
    "page": page,
}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all but page by default")
    words.add_argument("--clients", type=int, default=50)
    words.add_argument("--ticks", type=int, default=20, help="lines that are written while they follow")
    words.add_argument("--runs", type=int, default=1_000)
    words.add_argument("--lines", type=int, default=100_000)
    words.add_argument("--pictures", type=int, default=1_000_000)
    words.add_argument("--wishes", type=int, default=60)
    words.add_argument("--windows", type=int, default=21)
    words.add_argument("--seconds", type=float, default=4.0, help="of a window")
    words.add_argument("--minutes", type=float, default=60.0, help="that a page is left open")
    words.add_argument("--json", action="store_true")
    given = words.parse_args()
    torch.set_num_threads(1)
    told: dict[str, Table] = {}
    for name in given.parts or [part for part in PARTS if part != "page"]:
        with tempfile.TemporaryDirectory() as folder:
            told[name] = PARTS[name](Path(folder), given)
        if not given.json:
            print(f"{name}: {(PARTS[name].__doc__ or '').partition(chr(10))[0]}")
            for what, value in told[name].items():
                print(f"    {what:88}{value if isinstance(value, str) else f'{value:.1f}':>10}", flush=True)
    if given.json:
        print(json.dumps(told))
    else:
        print(f"{processor()}, {os.cpu_count()} cores; Python {sys.version.split()[0]}, PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
