"""The studio: who gets in, what it reads of runs, and what it tells while they train."""

import asyncio
import contextlib
import errno
import hashlib
import io
import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

pytest.importorskip("starlette")
pytest.importorskip("httpx")
import numpy as np
from PIL import Image
from starlette.testclient import TestClient
from test_studio_scores import scored

import lienzo
from lienzo.errors import InputError, RunError
from lienzo.evaluation.scores import append
from lienzo.generation.directions import Directions, beside
from lienzo.generation.generation import Generator
from lienzo.recipe.recipe import Recipe
from lienzo.run.occupancy import occupying
from lienzo.run.panels import PANELS
from lienzo.run.progress import progress
from lienzo.run.run import Run
from lienzo.storage.files import write_bytes
from lienzo.studio import studio as room
from lienzo.studio import trainings
from lienzo.studio.canvas.process import painter
from lienzo.studio.context import Context
from lienzo.studio.reading import logs, runs
from lienzo.studio.reading.artefacts import Artefacts
from lienzo.studio.safety import POLICY, Door, kept_token
from lienzo.studio.server import PAGE, application
from lienzo.studio.vendored import VENDORED
from lienzo.studio.views import machine
from lienzo.studio.views.runs import _stream, columns
from lienzo.studio.worker import SupersededError, Worker

DOOR = Door("127.0.0.1", 7860)
BASE = "http://127.0.0.1:7860"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a finished run, an interrupted one and a collection."""

    folder = tmp_path_factory.mktemp("studio")
    (folder / "pictures").mkdir()
    for i in range(12):
        noise = np.random.default_rng(i).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(noise).save(folder / "pictures" / f"{i}.png")
    collection = lienzo.prepare(folder / "pictures", folder / "small", size=16, workers=1)
    recipe = Recipe.from_dict(
        lienzo.recipes("thesis")
        .with_settings(["network.width=4", "batch=4", "images=32", "tick=8", "sample_every=16", "samples=4"])
        .to_dict()
    )
    lienzo.train(collection, recipe, folder / "deep" / "a", device="cpu")
    for _ in lienzo.steps(collection, recipe, folder / "b", device="cpu"):
        break
    return folder


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(application(Context(Artefacts(folder.resolve()), False), DOOR), BASE) as client:
        client.cookies.set(DOOR.cookie, DOOR.token)
        yield client


def write_log(path: Path, lines: int) -> None:
    path.write_text(
        "".join(json.dumps({"images": 10 * i, "loss": i, "pad": "x" * (i % 50)}) + "\n" for i in range(lines))
    )


def test_the_first_address_sets_a_cookie_and_leaves_the_secret_out_of_the_next_one(folder: Path) -> None:
    client = TestClient(application(Context(Artefacts(folder), False), DOOR), BASE, follow_redirects=False)
    assert client.get("/").status_code == 403
    answer = client.get(DOOR.first_address)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    assert client.get("/").status_code == 200
    wrong = TestClient(application(Context(Artefacts(folder), False), DOOR), BASE)
    assert wrong.get("/?token=" + "a" * len(DOOR.token)).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example:7860", "127.0.0.1", "127.0.0.1:7861", "localhost.evil.example:7860", ""]
)
def test_another_host_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/api/runs", headers={"host": host}).status_code == 421


def test_a_server_on_every_address_knows_numbers_and_no_names() -> None:
    door = Door("0.0.0.0", 7860)
    assert door.knows_host("192.168.1.5:7860")
    assert door.knows_host("[fe80::1]:7860")
    assert not door.knows_host("rebound.example:7860")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "127.0.0.1:80"])
def test_the_port_80_is_known_where_it_is_left_out(folder: Path, host: str) -> None:
    door = Door("127.0.0.1", 80)
    client = TestClient(application(Context(Artefacts(folder), False), door), "http://127.0.0.1")
    headers = {"host": host, "cookie": f"{door.cookie}={door.token}", "origin": f"http://{host}"}
    assert client.get("/api/runs", headers=headers).status_code == 200
    assert client.post("/api/runs", headers=headers).status_code == 405
    assert not door.knows_host("127.0.0.1:7860")
    assert not door.knows_host("rebound.example")


@pytest.mark.parametrize(
    ("given", "named"), [("Atelier.Lan", "atelier.lan"), ("FD00:0::2", "[fd00::2]"), ("192.0.2.2", "192.0.2.2")]
)
def test_a_host_is_known_as_browsers_write_it(given: str, named: str) -> None:
    door = Door(given, 7860)
    assert door.first_address.startswith(f"http://{named}:7860/")
    assert door.knows_host(f"{named}:7860")
    assert not door.knows_host("rebound.example:7860")


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "https://127.0.0.1:7860", "http://127.0.0.1:7861"]
)
def test_a_change_has_to_come_from_the_page(client: TestClient, origin: str | None) -> None:
    headers = {} if origin is None else {"origin": origin}
    assert client.post("/api/runs", headers=headers).status_code == 403
    assert client.post("/api/runs", headers={"origin": BASE}).status_code == 405


def test_every_answer_carries_the_policy(client: TestClient) -> None:
    for path in ("/", "/page/app.js", "/api/runs", "/api/nothing", "/api/run?run=nowhere"):
        assert client.get(path).headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY


@pytest.mark.parametrize("name", ["../server.py", "..%2fserver.py", "vendor/../../studio.py", "nothing.js"])
def test_only_files_of_the_page_are_given(client: TestClient, name: str) -> None:
    assert client.get(f"/page/{name}").status_code in (404, 200)
    assert b"import " not in client.get(f"/page/{name}").content or name == "nothing.js"


def test_a_failure_leaves_no_traceback(client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Artefacts, "runs", lambda self: 1 / 0)
    app = application(Context(Artefacts(folder), False), DOOR)
    quiet = TestClient(app, BASE, raise_server_exceptions=False, cookies={DOOR.cookie: DOOR.token})
    answer = quiet.get("/api/runs")
    assert answer.status_code == 500
    assert answer.json() == {"error": "This failed; the terminal of lienzo studio says more."}


def test_the_list_names_every_run_with_its_state(client: TestClient) -> None:
    told = client.get("/api/runs").json()
    assert {run["path"]: run["state"] for run in told["runs"]} == {"b": "interrupted", "deep/a": "finished"}
    assert told["count"] == 2
    assert [run["path"] for run in client.get("/api/runs?search=DEEP").json()["runs"]] == ["deep/a"]
    assert client.get("/api/runs?first=1&count=1").json()["runs"][0]["path"] == told["runs"][1]["path"]
    assert client.get("/api/runs?first=-1").status_code == 400


def test_a_run_is_told_with_its_samples_curves_and_collection(client: TestClient, folder: Path) -> None:
    told = client.get("/api/run?run=deep/a").json()
    assert told["samples"] == [0, 16, 32]
    assert told["collection"]["here"] == "small"
    assert told["settings"]["network"]["width"] == 4
    curve = client.get("/api/run/curve?run=deep/a").json()
    assert curve["images"] == [8, 16, 24, 32]
    assert len(curve["generator_loss"]) == 4
    png = client.get("/api/run/sample?run=deep/a&images=16")
    assert png.content == Run(folder / "deep" / "a").sample_path(16).read_bytes()
    assert client.get("/api/run/sample?run=deep/a&images=17").status_code == 404


def test_a_drawing_has_another_address_when_it_is_written_anew(client: TestClient, folder: Path) -> None:
    def told() -> list[str]:
        listed = {each["path"]: each for each in client.get("/api/runs").json()["runs"]}
        return [listed["deep/a"]["drawn"], client.get("/api/run?run=deep/a").json()["drawn"]]

    before, path = told(), Run(folder / "deep" / "a").sample_path(16)
    assert before == told() == [before[0]] * 2
    write_bytes(path, path.read_bytes())
    after = told()
    assert after == [after[0]] * 2
    assert after != before


def test_a_log_without_lines_is_a_curve_without_points() -> None:
    assert columns([]) == {"images": []}


def test_the_charts_are_those_of_every_other_page(client: TestClient) -> None:
    told = client.get("/api/panels").json()
    assert [panel["title"] for panel in told] == [panel.title for panel in PANELS.values()]
    assert "discriminator_loss" not in (PAGE / "charts.js").read_text(encoding="utf-8")


def test_a_damaged_run_is_one_card_and_the_others_stay(client: TestClient, folder: Path) -> None:
    damaged = folder / "damaged"
    damaged.mkdir()
    (damaged / "run.json").write_text("{")
    (damaged / "recipe.toml").write_bytes((folder / "b" / "recipe.toml").read_bytes())
    try:
        client.app.state.context.artefacts._fresh_until = 0.0  # type: ignore[attr-defined]
        states = {run["path"]: run["state"] for run in client.get("/api/runs").json()["runs"]}
        assert states == {"b": "interrupted", "deep/a": "finished", "damaged": "damaged"}
        assert "damaged" in client.get("/api/run?run=damaged").json()["sentence"]
    finally:
        for path in damaged.iterdir():
            path.unlink()
        damaged.rmdir()


@pytest.mark.parametrize("most", [2, 7, 100, 5000])
def test_a_curve_is_spread_evenly_with_both_ends(tmp_path: Path, most: int) -> None:
    path = tmp_path / "log.jsonl"
    write_log(path, 3_000)
    images = [line["images"] for line in logs.curve(path, most=most)]
    assert images == sorted(set(images))
    assert images[0] == 0
    assert images[-1] == 29_990
    assert len(images) <= min(most + 1, 3_000)
    assert len(images) > min(most, 3_000) // 2
    part = [line["images"] for line in logs.curve(path, first=995, last=2_000, most=most)]
    assert part[0] == 1_000
    assert part[-1] == 2_000


def test_a_half_written_line_waits_and_a_shorter_log_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    assert logs.after(path, 0) == ([], 0)
    write_log(path, 3)
    lines, offset = logs.after(path, 0)
    assert [line["images"] for line in lines] == [0, 10, 20]
    with path.open("a") as file:
        file.write('{"images": 30, "lo')
    assert logs.after(path, offset) == ([], offset)
    assert [line["images"] for line in logs.curve(path)] == [0, 10, 20]
    with path.open("a") as file:
        file.write('ss": NaN}\nno line\n')
    assert logs.after(path, offset)[0] == [{"images": 30, "loss": None}]
    write_log(path, 1)
    assert logs.after(path, offset) == (None, path.stat().st_size)
    path.write_bytes(b"x" * offset + path.read_bytes())  # set back, and grown again meanwhile: no line begins there
    assert logs.after(path, offset) == (None, path.stat().st_size)


def test_a_damaged_line_without_end_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write_log(path, 10)
    path.write_text("[" * 300_000 + "\n" + path.read_text() + "[" * 300_000 + "\n")
    assert [line["images"] for line in logs.curve(path, first=5, most=5_000)][-1] == 90
    assert logs.curve(path, first=1_000) == []


def test_who_is_far_behind_reads_the_curve_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOST_NEWS", 100)
    path = tmp_path / "log.jsonl"
    write_log(path, 10)
    assert logs.after(path, 0) == (None, path.stat().st_size)
    assert logs.after(path, path.stat().st_size) == ([], path.stat().st_size)
    path.unlink()
    assert logs.after(path, 5) == (None, 0)


def test_numbers_that_are_none_are_answered_as_null(client: TestClient, folder: Path) -> None:
    scores = Run(folder / "b").scores_path
    append(scores, scored(float("nan"), error=float("inf")))
    with scores.open("a") as file:
        file.write('[]\n{"measures": 3}\nno line\n' + "[" * 100_000 + "\n")
    try:
        told = client.get("/api/run?run=b").json()
        assert [one["measures"].get("kid") for one in told["scores"]] == [None]
        assert told["scores"][0]["measures"]["recall"] == {"value": 0.5, "error": 0.1}
        assert {run["path"] for run in client.get("/api/runs").json()["runs"]} == {"b", "deep/a"}
    finally:
        scores.unlink()


def test_the_list_reads_a_run_again_when_one_of_its_files_changes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder / "b", tmp_path / "b")
    run, read = Run(tmp_path / "b"), []
    monkeypatch.setattr(runs, "progress", lambda run: read.append(run) or progress(run))
    assert runs.summary("b", run) == runs.summary("b", run)
    assert len(read) == 1
    run.append_log(run.last_line() | {"images": 16})
    assert runs.summary("b", run)["images"] == 16
    run.sample_path(16).write_bytes(b"")
    assert runs.summary("b", run)["picture"] == 16
    append(run.scores_path, scored(0.5))
    append(run.scores_path, scored(0.1, truncation=0.7))
    assert runs.summary("b", run)["kid"] == 0.5
    with occupying(run):
        assert runs.summary("b", run)["state"] == "live"
    assert runs.summary("b", run)["state"] == "interrupted"
    run.manifest_path.write_text("{")
    assert runs.summary("b", run)["state"] == "damaged"


def test_a_word_stays_from_start_to_start_unless_others_could_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIENZO_CACHE", str(tmp_path / "caches"))
    word = kept_token("a")
    assert kept_token("a") == word != kept_token("b")
    (path,) = (path for path in (tmp_path / "caches" / "studio").iterdir() if path.read_text() == word)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    assert kept_token("a") != word
    path.write_text("short")
    assert len(kept_token("a")) == 32
    monkeypatch.setenv("LIENZO_CACHE", "/dev/null/nowhere")
    assert kept_token("a") != kept_token("a")


def test_a_full_disk_is_one_sentence(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_words: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(trainings.subprocess, "Popen", full)
    answer = client.post("/api/train/start", json=TRAINING | {"name": "full"}, headers={"origin": BASE})
    assert answer.status_code == 400
    assert "full.log cannot be written (No space left on device): make room there" in answer.json()["error"]


def test_kid_is_in_the_curve_of_a_long_log_and_in_the_list(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "b", tmp_path / "b")
    run = Run(tmp_path / "b")
    run.recipe_path.write_text(run.recipe().with_settings(["evaluate_every=16"]).to_toml())
    with run.log_path.open("w") as file:
        for i in range(3_000):
            kid = {"kid": 1 / (i + 1)} if i % 10 == 0 else {}
            file.write(json.dumps({"images": i, "seconds": 1.0, "images_per_second": 1.0, **kid}) + "\n")
    lines = logs.curve(run.log_path, most=1_200)
    assert [line["images"] for line in lines] == sorted({line["images"] for line in lines})
    assert len(lines) <= 1_201
    assert [line["images"] for line in lines if "kid" in line] == list(range(0, 3_000, 10))
    few = [line["images"] for line in logs.measured(run.log_path, 5)]
    assert (few[0], few[-1], len(few)) == (0, 2_990, 5)
    part = logs.curve(run.log_path, first=1_001, last=1_020, most=8)
    assert [line["images"] for line in part if "kid" in line] == [1_010, 1_020]
    assert runs.summary("b", run)["kid"] == 1 / 2_991  # though the last line has none


def test_trouble_is_told_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write_log(path, 100)
    with path.open("a") as file:
        file.write(json.dumps({"images": 1000, "trouble": "the generator has collapsed"}) + "\n")
        file.write(json.dumps({"images": 1010}) + "\n")
    assert logs.troubles(path) == [{"images": 1000, "trouble": "the generator has collapsed"}]
    assert logs.troubles(tmp_path / "none") == []


def test_the_slope_of_kid_says_when_to_stop() -> None:
    def trend(values: list[float]) -> str | None:
        found = runs.advice([{"images": 1000 * i, "kid": value} for i, value in enumerate(values)])
        return None if found is None else found["trend"]

    assert trend([0.5, 0.4, 0.31, 0.2, 0.11, 0.05]) == "improving"
    assert trend([0.5, 0.1, 0.05, 0.06, 0.08, 0.09, 0.11]) == "worse"
    assert trend([0.5, 0.2, 0.1, 0.051, 0.048, 0.052, 0.047, 0.05]) == "flat"
    assert trend([0.5, 0.4]) is None


@pytest.mark.parametrize(
    ("images", "kids"),
    [
        ([5] * 6, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]),
        ([1, 2, 3, 4, 5, 6], [1e200, -1e200] * 3),
        ([10**400] * 6, [1.0, 2.0] * 3),
        ([1, 2, 3, 4, 5, 6], [float("inf"), 0.1] * 3),
    ],
)
def test_a_log_that_no_training_wrote_has_no_slope(images: list[int], kids: list[float]) -> None:
    assert runs.advice([{"images": at, "kid": kid} for at, kid in zip(images, kids, strict=True)]) is None


def test_pages_that_ask_at_once_are_told_the_same_use_of_the_processor(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = iter([40.0, 0.0, 100.0])
    monkeypatch.setattr("psutil.cpu_percent", lambda: next(counted))
    monkeypatch.setattr(machine.METER, "_counted", time.monotonic() - 60)
    assert [client.get("/api/machine").json()["processor"] for _ in range(3)] == [0.4, 0.4, 0.4]


@pytest.mark.parametrize("name", VENDORED)
def test_vendored_files_are_what_the_table_says(name: str) -> None:
    data = (PAGE / "vendor" / name).read_bytes()
    assert hashlib.sha256(data).hexdigest() == VENDORED[name].sha256
    licences = (PAGE / "vendor" / "LICENSES.txt").read_text(encoding="utf-8")
    assert f"=== {VENDORED[name].package} ===" in licences


def test_nothing_else_is_vendored() -> None:
    assert {path.name for path in (PAGE / "vendor").iterdir()} == {*VENDORED, "LICENSES.txt"}


@pytest.mark.anyio
async def test_the_stream_tells_what_is_new_and_that_a_run_has_gone(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "b", tmp_path / "b")
    run = Run(tmp_path / "b")
    stream = _stream(run, 0, threading.Event())
    assert await anext(stream) == "retry: 2000\n\n"
    tick = await anext(stream)
    assert "event: tick" in tick
    assert json.loads(tick.split("data: ")[1])[0]["images"] == 8
    assert int(tick.split("\n")[0].removeprefix("id: ")) == run.log_path.stat().st_size
    assert "event: samples" in await anext(stream)
    assert '{"state":"resting"}' in await anext(stream)
    run.truncate_log(0)
    reset = await anext(stream)
    assert "event: reset" in reset
    assert "id: 0\n" in reset
    shutil.rmtree(run.path)
    assert "event: gone" in await anext(stream)


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["unreadable", "ending"])
async def test_the_stream_ends_without_a_failure(folder: Path, tmp_path: Path, end: str) -> None:
    shutil.copytree(folder / "b", tmp_path / "b")
    run, ending = Run(tmp_path / "b"), threading.Event()
    stream = _stream(run, run.log_path.stat().st_size, ending)
    for _ in range(3):
        await anext(stream)
    if end == "unreadable":
        run.log_path.unlink()
        run.log_path.mkdir()
    else:
        ending.set()
    assert [event async for event in stream] == []


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
def test_a_port_that_is_none_is_one_sentence(tmp_path: Path, port: int) -> None:
    with pytest.raises(InputError, match=rf"^{port} is no port: give a --port from 0 to 65535\.$"):
        room.studio(tmp_path, port=port)


@pytest.mark.parametrize("host", ["a..b", "no.such.host.invalid"])
def test_a_host_that_is_none_is_one_sentence(tmp_path: Path, host: str) -> None:
    with pytest.raises(InputError, match=rf"^{host} is no address of this machine: leave --host out, or give another"):
        room.studio(tmp_path, host=host)


def test_a_port_in_use_and_a_missing_folder_are_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match=r"cannot be opened \(Address already in use\): choose another --port"):
            room.studio(tmp_path, port=taken.getsockname()[1])
    with pytest.raises(InputError, match="there is no folder"):
        room.studio(tmp_path / "nowhere")
    with pytest.raises(RunError, match="there is no run x"):
        Artefacts(tmp_path).run("x")


@pytest.mark.anyio
async def test_small_answers_are_sent_at_once() -> None:
    """Without TCP_NODELAY the kernel holds them back until the browser has said that it got the part before."""
    sent_at_once = []

    async def look(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        sent_at_once.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    listener = room._listen("127.0.0.1", 0)
    async with await asyncio.start_server(look, sock=listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        await reader.read()
        writer.close()
    assert len(sent_at_once) == 1
    assert all(sent_at_once)


def painted(client: TestClient, **wish: object) -> Image.Image:
    answer = client.post("/api/canvas/wish", json={"kind": "paint", "run": "deep/a", **wish}, headers={"origin": BASE})
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


@pytest.fixture(scope="module")
def played(folder: Path) -> Iterator[TestClient]:
    context = Context(Artefacts(folder.resolve()), False)
    client = TestClient(application(context, DOOR), BASE, cookies={DOOR.cookie: DOOR.token})
    yield client
    context.close()


def test_the_canvas_paints_what_generate_draws(played: TestClient, folder: Path) -> None:
    sheet = painted(played, pictures=[{"place": {"seed": seed}} for seed in range(4)], columns=2)
    tiles = np.asarray(sheet).reshape(2, 16, 2, 16, 3).swapaxes(1, 2).reshape(4, 16, 16, 3)
    expected = lienzo.load(folder / "deep" / "a").generate(range(4)).images
    assert np.abs(tiles.astype(int) - expected).max() <= 1
    whole = {"place": {"mixture": [[1, {"seed": 1}], [0, {"seed": 2}]]}}
    assert np.abs(np.asarray(painted(played, pictures=[whole])).astype(int) - expected[1]).max() <= 1
    mean = np.asarray(painted(played, pictures=[{"place": {"seed": 1}, "psi": 0}]))
    assert np.array_equal(mean, np.asarray(painted(played, pictures=[{"place": {"seed": 2}, "psi": 0}])))


def test_directions_that_were_found_are_told_and_gone_along(played: TestClient, folder: Path) -> None:
    generator = lienzo.load(folder / "deep" / "a")
    vectors = np.eye(2, generator.latents, dtype=np.float32)
    file = beside(folder / "deep" / "a")
    Directions(vectors, ("storm", "calm"), generator.fingerprint, "weights").save(file)
    try:
        assert played.get("/api/canvas?run=deep/a").json()["directions"] == ["storm", "calm"]
        moved = painted(played, pictures=[{"place": {"seed": 1}, "along": {"storm": 2.5}}])
        z = generator.drawn([1])[0] + 2.5 * vectors[:1]
        assert np.abs(np.asarray(moved).astype(int) - generator.paint(z)[0]).max() <= 1
        unknown = {"kind": "paint", "run": "deep/a", "pictures": [{"place": {"seed": 1}, "along": {"strom": 1}}]}
        answer = played.post("/api/canvas/wish", json=unknown, headers={"origin": BASE})
        assert "did you mean 'storm'" in answer.json()["error"]
    finally:
        file.unlink()


def test_a_picture_between_two_is_as_far_from_the_origin_as_they_are(folder: Path) -> None:
    from lienzo.studio.canvas.painting import place
    from lienzo.studio.canvas.wishes import Place

    generator = lienzo.load(folder / "deep" / "a")
    ends = [Place(seed=seed) for seed in (1, 2)]
    middle, _ = place(generator, Place(mixture=((0.5, ends[0]), (0.5, ends[1]))))
    lengths = [float(np.linalg.norm(place(generator, end)[0])) for end in ends]
    assert np.linalg.norm(middle) == pytest.approx(np.mean(lengths), rel=1e-5)


def test_places_have_labels(generator: Generator) -> None:
    from lienzo.studio.canvas.painting import place
    from lienzo.studio.canvas.wishes import Place

    (z,), (y,) = generator.drawn([1])
    assert place(generator, Place(seed=1))[1].tolist() == y.tolist()
    written = Place(z=tuple(map(float, z)), y=(0.25, 0.75))
    assert place(generator, written)[1].tolist() == [0.25, 0.75]
    assert place(generator, Place(z=written.z))[1].tolist() == [0, 0]
    mixed = place(generator, Place(mixture=((0.5, written), (0.5, Place(z=written.z, y=(1, 0))))))
    assert mixed[1].tolist() == [0.625, 0.375]
    with pytest.raises(InputError, match="these labels have 1 numbers, but 2 are needed"):
        place(generator, Place(z=written.z, y=(1,)))


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"kind": "paint", "pictures": []}, "does not understand"),
        ({"kind": "paint", "pictures": [{"place": {"seed": -1}}]}, "does not understand"),
        ({"kind": "invert", "file": ""}, "does not understand"),
        ({"kind": "paint", "pictures": [{"place": {"seed": 1, "path": "/etc/passwd"}}]}, "does not understand"),
        ({"kind": "paint", "pictures": [{"place": {}}]}, "a place is a seed, latents or a mixture"),
        ({"kind": "paint", "pictures": [{"place": {"z": [1, 2]}}]}, "have 2 numbers, but 100 are needed"),
        ({"kind": "paint", "pictures": [{"place": {"seed": 1}, "along": {"sun": 1}}]}, "no directions"),
        ({"kind": "paint", "pictures": [{"place": {"seed": 1}}], "run": "../x"}, "there is no run"),
        (
            {"kind": "paint", "pictures": [{"place": {"seed": 1}, "mix": {"place": {"seed": 2}, "layer": 0}}]},
            "one layer",
        ),
        ({"kind": "paint", "pictures": [{"place": {"seed": 1}, "mix": {"place": {"seed": 2}}}]}, "does not understand"),
    ],
)
def test_what_the_canvas_cannot_do_is_one_sentence(played: TestClient, wish: dict[str, object], said: str) -> None:
    answer = played.post("/api/canvas/wish", json={"run": "deep/a", **wish}, headers={"origin": BASE})
    assert answer.status_code == 400
    assert said in answer.json()["error"]


@pytest.mark.parametrize(("depth", "status"), [(16, 200), (17, 400), (100, 400), (20_000, 400)])
def test_a_mixture_of_mixtures_without_end_is_one_sentence(played: TestClient, depth: int, status: int) -> None:
    place = '{"mixture": [[1, ' * depth + '{"seed": 1}' + "]]}" * depth
    wish = '{"kind": "paint", "run": "deep/a", "pictures": [{"place": ' + place + "}]}"
    answer = played.post("/api/canvas/wish", content=wish, headers={"origin": BASE})
    assert answer.status_code == status
    if depth < 1_000:  # beyond, JSON's reader refuses first
        assert ("nested too deeply" in answer.text) == (status == 400)


def test_a_mixture_of_too_many_places_is_refused_at_once(client: TestClient) -> None:
    place = '{"seed": 1}'
    for _ in range(5):
        place = '{"mixture": [' + ", ".join([f"[1, {place}]"] * 8) + "]}"
    wish = '{"kind": "paint", "run": "deep/a", "pictures": [{"place": ' + place + "}]}"
    answer = client.post("/api/canvas/wish", content=wish, headers={"origin": BASE})
    assert answer.status_code == 400
    assert "too many places, 4,000 are the most" in answer.json()["error"]


@pytest.mark.parametrize("address", ["/api/canvas", "/api/scores/finding", "/api/scores/example?view=mask"])
def test_the_folder_is_looked_through_beside_what_answers_others(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    blocking = []

    def run(_self: Artefacts, _name: str) -> Run:
        with contextlib.suppress(RuntimeError):
            blocking.append(asyncio.get_running_loop())
        raise RunError("not here.")

    monkeypatch.setattr(Artefacts, "run", run)
    assert client.get(address, params={"run": "deep/a", "file": "x", "view": "mask"}).json() == {"error": "not here."}
    assert blocking == []


def test_a_walk_goes_out_as_film_and_as_path(played: TestClient, folder: Path) -> None:
    walk = {"kind": "film", "run": "deep/a", "pictures": [{"place": {"seed": seed}} for seed in (1, 2)], "frames": 6}
    film = played.post("/api/canvas/wish", json=walk | {"form": "webp"}, headers={"origin": BASE})
    image = Image.open(io.BytesIO(film.content))
    assert (image.format, image.size) == ("WEBP", (16, 16))
    path = played.post("/api/canvas/wish", json=walk | {"form": "json"}, headers={"origin": BASE})
    assert path.json()["format"] == "lienzo path"
    assert len(path.json()["walks"][0]["times"]) == 6
    assert path.json()["generator"] == lienzo.load(folder / "deep" / "a").fingerprint


def test_layers_from_a_place_on_take_the_other_picture(folder: Path) -> None:
    import torch
    from generators_for_tests import wrapped

    from lienzo.networks.configurations import NETS
    from lienzo.networks.shape import Shape
    from lienzo.studio.canvas.painting import places
    from lienzo.studio.canvas.wishes import Crossing, Picture, Place

    torch.manual_seed(0)
    network = NETS["dcgan"](latents=8, width=8, self_modulation=True)
    generator = wrapped(network.generator(Shape(16, 16, 3)), "modulated")
    first, second = Place(seed=1), Place(seed=2)
    pictures = (
        Picture(first, psi=0.9, mix=Crossing(second, 1)),
        Picture(first, psi=0.9, mix=Crossing(second, 0)),
        Picture(second, psi=0.9),
    )
    drawn = generator.sketch(*places(Run(folder / "b"), generator, pictures)).astype(int)
    expected = lienzo.generate(generator, seeds=[1], truncation=0.9, mix=["2:1-2"], out=None).images[0]
    assert np.abs(drawn[0] - expected).max() <= 1
    assert np.array_equal(drawn[1], drawn[2])
    assert not np.array_equal(drawn[0], drawn[1])


def test_a_file_that_is_no_picture_is_refused_and_one_that_is_has_latents(played: TestClient, folder: Path) -> None:
    address = "/api/canvas/invert?run=deep/a"
    refused = played.post(address, content=b"no picture", headers={"origin": BASE})
    assert refused.status_code == 400
    assert "cannot be used as a picture" in refused.json()["error"]
    found = played.post(address, content=(folder / "pictures" / "0.png").read_bytes(), headers={"origin": BASE})
    assert len(found.json()["z"]) == 100
    assert found.json()["y"] == []
    assert 0 < found.json()["error"] < 1


@pytest.mark.anyio
async def test_the_latest_wish_of_a_page_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    worker, asked = Worker("test", painter), []

    def exchange(_self: Worker, wish: str) -> tuple[str, bytes]:
        asked.append(wish)
        time.sleep(0.05)
        return "text/plain", wish.encode()

    monkeypatch.setattr(Worker, "_exchange", exchange)
    wishes = [worker.ask("one", str(i)) for i in range(4)] + [worker.ask("two", "other")]
    answers = await asyncio.gather(*wishes, return_exceptions=True)
    assert [type(answer) for answer in answers[1:3]] == [SupersededError] * 2
    assert answers[3:] == [("text/plain", b"3"), ("text/plain", b"other")]
    assert asked[-2:] == ["3", "other"]


@pytest.mark.anyio
async def test_what_nobody_waits_for_is_not_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone() -> bool:
        return True

    monkeypatch.setattr(Worker, "_exchange", lambda _self, _wish: ("text/plain", b"painted"))
    worker = Worker("test", painter)
    with pytest.raises(SupersededError):
        await worker.ask("one", "left", gone)
    assert await worker.ask("one", "waits") == ("text/plain", b"painted")


def test_a_process_that_two_threads_end_at_once_is_ended_once() -> None:
    reading, ended, together, joined = threading.Event(), threading.Event(), threading.Barrier(2), []

    class Process:
        terminate = staticmethod(ended.set)

        def is_alive(self) -> bool:
            return True

        def join(self) -> None:
            joined.append(self)
            with contextlib.suppress(threading.BrokenBarrierError):
                together.wait(1)  # for the other thread, if it comes here too

    class Pipe:
        def send(self, _wish: str) -> None:
            pass

        def recv(self) -> None:
            reading.set()
            ended.wait()
            raise EOFError

        def close(self) -> None:
            raise AssertionError("a thread may be reading from it")

    worker = Worker("test", painter, _process=cast("Any", Process()), _pipe=cast("Any", Pipe()))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(worker._exchange, "a wish")
        reading.wait()
        worker.close()
        with pytest.raises(InputError, match="the studio is ending"):
            waiting.result()
    assert len(joined) == 1


TRAINING = {"collection": "small", "recipe": "thesis", "name": "new"}


def test_the_form_has_every_key_with_its_meaning(client: TestClient) -> None:
    told = client.get("/api/train/forms").json()
    assert told["collections"] == ["small"]
    for form in told["recipes"]:
        keys = {each["key"]: each for each in form["keys"]}
        assert all(each["meaning"] for each in form["keys"]), form["name"]
        changes = [
            f"{key}={each['value']}" for key, each in keys.items() if each["value"] not in ("", "evidence-bound")
        ]
        if form["name"] == "thesis":
            assert lienzo.recipes("thesis").with_settings(changes) == lienzo.recipes("thesis")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "../x"}, "cannot be the name of a run"),
        ({"name": ".hidden"}, "cannot be the name of a run"),
        ({"recipe": "thesys"}, "did you mean 'thesis'"),
        ({"recipe": "/etc/x.toml"}, "trains recipes by name"),
        ({"settings": ["bacht=3"]}, "did you mean 'batch'"),
        ({"collection": "../small"}, "there is no collection"),
        ({"settings": "x"}, "does not understand"),
        ({"name": "b/../../x"}, "cannot be the name of a run"),
        ({"collection": "/etc"}, "there is no collection"),
    ],
)
def test_a_training_that_cannot_be_is_one_sentence(client: TestClient, change: dict[str, object], said: str) -> None:
    for address in ("/api/train/command", "/api/train/start"):
        answer = client.post(address, json=TRAINING | change, headers={"origin": BASE})
        assert answer.status_code == 400
        assert said in answer.json()["error"]


@pytest.mark.parametrize("link", ["runs", "runs/new.log"])
def test_a_training_does_not_lead_out_of_the_folder_by_a_link(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, link: str
) -> None:
    shutil.copytree(folder / "small", tmp_path / "studio" / "small")
    (tmp_path / "outside").mkdir()
    begun: list[object] = []
    monkeypatch.setattr("subprocess.Popen", lambda *words, **_: begun.append(words))
    place = tmp_path / "studio" / link
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(tmp_path / "outside" / place.name if "log" in link else tmp_path / "outside")
    training = trainings.Training("small", "thesis", "new")
    with pytest.raises(InputError, match=r"leads out of the studio's folder by a link"):
        trainings.start(training, Artefacts((tmp_path / "studio").resolve()))
    assert begun == list((tmp_path / "outside").iterdir()) == []


def test_a_training_has_begun_when_its_run_can_be_shown(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder / "small", tmp_path / "small")
    run = Run(tmp_path / "runs" / "new")
    writing = threading.Timer(0.3, shutil.copytree, (folder / "b", run.path))
    monkeypatch.setattr("subprocess.Popen", lambda *_words, **_: SimpleNamespace(wait=writing.start, returncode=None))
    monkeypatch.setattr(trainings, "occupant", lambda _run: "somebody")
    trainings.start(trainings.Training("small", "thesis", "new"), Artefacts(tmp_path.resolve()))
    assert run.exists()


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        (["/home/me/lienzo/bin/python", "-m", "ipykernel_launcher", "-f", "kernel.json"], False),
        (["/venv/bin/python", "-m", "lienzo", "train"], True),
        (["/venv/bin/python", "/venv/bin/lienzo", "train"], True),
        (["/venv/bin/python", "/venv/bin/torchrun", "train.py"], True),
    ],
)
def test_only_what_saves_at_its_end_is_asked_to_end(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], ends: bool
) -> None:
    shutil.copytree(folder / "b", tmp_path / "b")
    sent: list[int] = []
    monkeypatch.setattr("psutil.Process.cmdline", lambda _self: words)
    monkeypatch.setattr("psutil.Process.send_signal", lambda _self, number: sent.append(number))
    with (
        occupying(Run(tmp_path / "b")),
        contextlib.nullcontext() if ends else pytest.raises(InputError, match="stop it"),
    ):
        trainings.stop(Run(tmp_path / "b"))
    assert bool(sent) == ends


@pytest.mark.slow
def test_a_training_is_started_seen_live_stopped_and_saved(client: TestClient, folder: Path) -> None:
    settings = ["network.width=4", "batch=4", "tick=8", "images=4000000", "keep_epochs=false"]
    training = TRAINING | {"settings": settings}
    command = client.post("/api/train/command", json=training, headers={"origin": BASE}).json()["command"]
    assert command.startswith("lienzo train ")
    started = client.post("/api/train/start", json=training, headers={"origin": BASE})
    assert started.json() == {"run": "runs/new"}
    again = client.post("/api/train/start", json=training, headers={"origin": BASE})
    assert "is there already" in again.json()["error"]
    run = Run(folder / "runs" / "new")
    until(lambda: bool(run.log_path.exists() and run.log()))
    assert client.get("/api/run?run=runs/new").json()["state"] == "live"
    assert client.post("/api/train/stop?run=runs/new", headers={"origin": BASE}).status_code == 200
    until(lambda: client.get("/api/run?run=runs/new").json()["state"] == "interrupted")
    assert run.checkpoints()
    assert "nobody trains" in client.post("/api/train/stop?run=runs/new", headers={"origin": BASE}).json()["error"]
    shown = run.last_line()["images"]
    assert client.post("/api/train/continue?run=runs/new", headers={"origin": BASE}).status_code == 200
    until(lambda: run.last_line()["images"] > shown)
    assert "already" in client.post("/api/train/continue?run=runs/new", headers={"origin": BASE}).json()["error"]
    assert client.post("/api/train/stop?run=runs/new", headers={"origin": BASE}).status_code == 200
    until(lambda: client.get("/api/run?run=runs/new").json()["state"] == "interrupted")
    failed = client.post("/api/train/start", json=TRAINING | {"name": "few"}, headers={"origin": BASE})
    assert "fewer than one batch of 128" in failed.json()["error"]


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, for as long as a test may take."""
    while not holds():
        time.sleep(0.1)


def test_a_game_is_played_on_and_again(played: TestClient) -> None:
    about = played.get("/api/theory").json()
    assert set(about["meanings"]) == set(about["setup"])
    assert "softplus" in about["objectives"]["minimax"]["source"]

    def at(halves: int, **setup: object) -> dict[str, object]:
        wish = {"setup": {"width": 8, "depth": 1, "batch": 16, **setup}, "halves": halves}
        headers = {"origin": BASE, "x-page": "a"}
        for _ in range(100):
            answer = played.post("/api/theory/play", json=wish, headers=headers)
            assert answer.status_code == 200, answer.text
            seen: dict[str, object] = answer.json()
            if seen["halves"] == halves:
                return seen
        raise AssertionError(seen["halves"])

    later = at(6)
    assert at(2)["halves"] == 2  # from the beginning
    assert at(6) == later
    assert at(6, seed=1) != later


@pytest.mark.parametrize("body", [b"", b"[]", b'{"halves": 1e9}', b'{"setup": {"law": "../x"}, "halves": 2}'])
def test_a_game_that_makes_no_sense_is_refused_in_a_sentence(client: TestClient, body: bytes) -> None:
    answer = client.post("/api/theory/play", content=body, headers={"origin": BASE})
    assert answer.status_code == 400
    assert "this game cannot be played" in answer.json()["error"]
