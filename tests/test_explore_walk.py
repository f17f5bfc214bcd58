"""Walks: films through latents, and the path that paints them again."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from conftest import Command
from generators_for_tests import wrapped
from PIL import Image
from torch import Tensor

import lienzo
from lienzo.display import films
from lienzo.errors import InputError
from lienzo.explore.film import Film
from lienzo.explore.paths import Keyframe, Walk
from lienzo.explore.paths import Path as WalkPath
from lienzo.explore.walking import save
from lienzo.generation.generation import Generator
from lienzo.generation.latents import Latents


def test_a_path_is_replayed_to_the_same_pictures(tmp_path: Path, generator: Generator) -> None:
    film = Film(frames=9, walks=2, closed=True, curve="spline")
    walked = lienzo.explore.walk(generator, seeds=[0, 1, 2], film=film)
    again = lienzo.explore.walk(generator, path=walked.path.save(tmp_path / "walk.json"))
    assert len(again.frames) == 9
    assert all(np.array_equal(one, other) for one, other in zip(walked.frames, again.frames, strict=True))
    assert walked.path.walks[1].keyframes[0].seed == 3
    spelt = lienzo.explore.walk(generator, path=walked.path.written_out(generator))
    assert all(np.array_equal(one, other) for one, other in zip(walked.frames, spelt.frames, strict=True))
    assert all(keyframe.seed is None for keyframe in spelt.path.walks[0].keyframes)


def test_a_walk_begins_and_ends_with_its_seeds(generator: Generator) -> None:
    frames = lienzo.explore.walk(generator, seeds=[5, 6], film=Film(frames=4)).frames
    assert np.array_equal(np.stack([frames[0], frames[-1]]), generator.generate([5, 6]).images)


def test_seeds_may_be_numbers_of_numpy(generator: Generator, tmp_path: Path) -> None:
    walked = lienzo.explore.walk(generator, seeds=np.array([3, 4]), film=Film(frames=2))
    _, path = walked.save(tmp_path / "walk.webp")
    assert [keyframe.seed for keyframe in WalkPath.open(path).walks[0].keyframes] == [3, 4]


def test_a_walk_through_labels_keeps_the_seed(generator: Generator) -> None:
    frames = lienzo.explore.walk(generator, seeds=[5], label=["calm", "wild"], film=Film(frames=3)).frames
    wanted = generator.generate([5, 5, 5], ["calm", "calm=1,wild=1", "wild"]).images
    assert np.abs(np.stack(frames).astype(int) - wanted).max() <= 1


def test_a_walk_through_saved_latents(tmp_path: Path, generator: Generator) -> None:
    z, y = generator.drawn([3, 4])
    kept = Latents(z, y, generator.fingerprint).save(tmp_path / "kept.safetensors")
    frames = lienzo.explore.walk(generator, latents=kept, film=Film(frames=2)).frames
    assert np.array_equal(np.stack(frames), generator.generate([3, 4]).images)


def test_an_even_walk_goes_more_evenly(planted: tuple[Generator, Tensor]) -> None:
    generator, _ = planted
    film = Film(frames=24, even=True, curve="spline")
    walked = lienzo.explore.walk(generator, seeds=[0, 1, 2, 3], film=film, detector="pixels")
    assert walked.speed is not None
    assert walked.speed_before is not None
    assert walked.speed.variation < 0.5 * walked.speed_before.variation


@pytest.mark.parametrize("ending", [".avif", ".webp", ".gif", ".mp4", ""])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_films(tmp_path: Path, ending: str, channels: int) -> None:
    if ending == ".mp4":
        pytest.importorskip("av")
    frames = [np.full((17, 19, channels), value, np.uint8) for value in (0, 120, 250)]
    path = save(frames, str(tmp_path / f"film{ending}"), 10)
    if not ending:
        (path / "frame-00003.png").write_bytes(b"of an earlier, longer film")
        save(frames, path, 10)
        assert [file.name for file in sorted(path.iterdir())] == [f"frame-{i:05}.png" for i in range(3)]
    elif ending != ".mp4":
        with Image.open(path) as image:
            assert (image.n_frames, image.size) == (3, (19, 17))  # type: ignore[attr-defined]
    else:
        import av

        with av.open(path) as film:
            [video] = film.streams.video
            assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
            assert len(list(film.decode(video))) == 3


def test_a_walk_replaces_only_what_lienzo_wrote(command: Command, generator: Generator, tmp_path: Path) -> None:
    walked = lienzo.explore.walk(generator, seeds=[0, 1], film=Film(frames=2))
    frame = tmp_path / "frames" / "frame-00100.png"
    frame.parent.mkdir()
    foreign = tmp_path / "run.json", tmp_path / "mine.gif", frame, tmp_path / "plain"
    for place, out, said in zip(
        foreign,
        (tmp_path / "run.webp", tmp_path / "mine.gif", tmp_path / "frames", tmp_path / "plain"),
        ("holds no path", *["no path mine.json beside it", *["no path path.json beside it"] * 2]),
        strict=True,
    ):
        place.write_bytes(b"{}")
        with pytest.raises(InputError, match=said):
            walked.save(out)
        status, _, told = command("explore", "walk", "nowhere", "--out", out)
        assert (status, said in told, told.count("\n")) == (2, True, 1)  # before the run is looked for
        assert place.read_bytes() == b"{}"
    assert sorted(tmp_path.rglob("*")) == sorted([frame.parent, *foreign])
    for out in (tmp_path / "own.gif", tmp_path / "own"):
        for _ in range(2):
            walked.save(out)


def test_a_walk_leaves_the_path_of_another_film_alone(
    command: Command, run: lienzo.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = lienzo.load(run)
    one, other = (lienzo.explore.walk(generator, seeds=seeds, film=Film(frames=2)) for seeds in ([1, 2], [3, 4]))
    film, path = one.save(tmp_path / "walk.webp")
    kept = path.read_bytes()
    with pytest.raises(InputError, match=r"is the path of .*walk\.webp, which could not be painted again"):
        other.save(tmp_path / "walk.gif")
    status, _, said = command("explore", "walk", run.path, "--seeds", "3,4", "--out", tmp_path / "walk.gif")
    assert (status, "--path" in said, said.count("\n")) == (2, True, 1)
    status, *_ = command("explore", "walk", run.path, "--path", path, "--out", tmp_path / "walk.gif")
    assert (status, path.read_bytes()) == (0, kept)  # the same path
    before = film.read_bytes()
    with pytest.raises(InputError, match=r"walk\.json may be the path of .*walk\.webp or of .*walk\.gif"):
        other.save(film)
    assert (film.read_bytes(), path.read_bytes()) == (before, kept)

    (tmp_path / "folder.gif").mkdir()
    one.path.save(tmp_path / "folder.json")
    with pytest.raises(InputError, match=r"folder\.gif is a folder: give the film another name"):
        one.save(tmp_path / "folder.gif")
    (tmp_path / "folder.gif").rmdir()
    (tmp_path / "folder.json").unlink()

    alone = one.path.save(tmp_path / "mine.json")
    with pytest.raises(InputError, match="is the path of another film"):
        other.save(tmp_path / "mine.gif")
    assert alone.read_bytes() == kept

    (tmp_path / "walk.gif").unlink()

    def fails(*_: object) -> bytes:
        raise RuntimeError("cannot be encoded")

    monkeypatch.setitem(films.ENCODERS, ".webp", fails)
    with pytest.raises(RuntimeError, match="cannot be encoded"):
        other.save(film)
    assert (film.read_bytes(), path.read_bytes()) == (before, kept)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mine.json", "walk.json", "walk.webp"]


@pytest.mark.parametrize("columns", [3, 500, 10**6, 10**30])
def test_a_film_has_no_more_columns_than_walks(generator: Generator, tmp_path: Path, columns: int) -> None:
    walked = lienzo.explore.walk(generator, seeds=[0, 1], film=Film(frames=2, walks=2, columns=columns))
    assert walked.path.columns == 2
    text = walked.path.to_bytes().replace(b'"columns":2', b'"columns":%d' % min(columns, 10**18))
    (tmp_path / "wide.json").write_bytes(text)
    replayed = lienzo.explore.walk(generator, path=tmp_path / "wide.json")
    assert replayed.path == walked.path
    assert all(np.array_equal(one, other) for one, other in zip(replayed.frames, walked.frames, strict=True))


@pytest.mark.parametrize("ending", [".avif", ".webp", ".gif", ".mp4"])
def test_the_slowest_film_is_as_slow_as_it_was_asked_to_be(tmp_path: Path, ending: str) -> None:
    if ending == ".mp4":
        pytest.importorskip("av")
    frames = [np.full((16, 16, 3), value, np.uint8) for value in (0, 250)]
    path = save(frames, tmp_path / f"film{ending}", Film(frames_per_second=0.1).frames_per_second)
    if ending == ".mp4":
        import av

        with av.open(path) as film:
            assert float(film.streams.video[0].average_rate or 0) == pytest.approx(0.1)
    else:
        with Image.open(path) as image:
            image.seek(1)
            image.load()
            assert image.info["duration"] == pytest.approx(10_000)


def test_a_film_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.avif"):
        save([np.zeros((16, 16, 3), np.uint8)], tmp_path / "film.avi", 10)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{}", "holds no path"),
        (b"\xff", "holds no path"),
        (b'{"generator":"g","latents":8,"walks":[{"keyframes":[{}],"times":[0]}]}', "no seed and no latents"),
        (b'{"generator":"g","latents":8,"walks":[{"keyframes":[{"z":[1]}],"times":[0]}]}', "dimension"),
        (b'{"generator":"g","latents":8,"walks":[{"keyframes":[{"seed":-1}],"times":[0]}]}', "holds no path"),
        (b'{"generator":"g","latents":8,"walks":[],"more":1}', "holds no path"),
        (b'{"generator":"g","latents":8,"walks":[{"keyframes":[{"seed":1}],"times":[0.5]}]}', "beyond the last"),
        (
            b'{"generator":"g","latents":8,"walks":[{"keyframes":[{"seed":1}],"times":[0]}],"frames_per_second":0.01}',
            "holds no path",
        ),
    ],
)
def test_a_path_that_is_none_is_refused(tmp_path: Path, text: bytes, said: str) -> None:
    (tmp_path / "p.json").write_bytes(text)
    with pytest.raises(InputError, match=said):
        WalkPath.open(tmp_path / "p.json")


def test_what_does_not_fit_a_walk_is_refused(generator: Generator) -> None:
    for wrong, said in (
        ({"seeds": [0], "latents": Latents(*generator.drawn([0]), generator.fingerprint)}, "give one of the two"),
        ({"seeds": [0], "label": "cubism"}, "calm"),
        ({"seeds": [-1, 2], "film": Film(frames=2)}, "whole numbers from 0 on"),
        ({"seeds": [0.5, 2], "film": Film(frames=2)}, "whole numbers from 0 on"),
        ({"seeds": [0, 2**63], "film": Film(frames=2)}, "the seeds of a walk are 9223372036854775807 at most"),
        ({"seeds": range(10_001), "film": Film(frames=2)}, "10,000 keyframes at most"),
        ({"seeds": [0], "film": Film(frames=2), "path": "p.json"}, "leave seeds"),
    ):
        with pytest.raises(InputError, match=said):
            lienzo.explore.walk(generator, **wrong)
    walked = lienzo.explore.walk(generator, seeds=[0], film=Film(frames=1))
    far = Keyframe(z=(1e39,) * generator.latents), Keyframe(z=(float("nan"),) * generator.latents)
    for keyframe in far:
        path = msgspec.structs.replace(walked.path, walks=(Walk((keyframe,), (0.0,)),))
        with pytest.raises(InputError, match="the latents and labels of a walk have to be finite"):
            lienzo.explore.walk(generator, path=path)
    with pytest.raises(InputError, match="give it to its own generator"):
        lienzo.explore.walk(wrapped(generator.module, "other", labels=True), path=walked.path)
    for settings, said in (
        ({"even": True, "easing": "smooth"}, "leave one of the two out"),
        ({"even": True, "frames": 1}, "one frame has no speed"),
        ({"walks": 401}, "up to 400 walks"),
        ({"curve": "zigzag"}, "unknown curve 'zigzag'"),
        ({"easing": "smoth"}, "unknown easing 'smoth': did you mean 'smooth'"),
        ({"frames_per_second": 0.0001}, "give a number from 0.1 to 60"),
        ({"frames_per_second": float("nan")}, "give a number from 0.1 to 60"),
        ({"frames": 100_001}, "up to 100,000 frames"),
    ):
        with pytest.raises(InputError, match=said):
            Film(**settings)


def test_the_command_walks_and_replays(command: Command, run: lienzo.Run, tmp_path: Path) -> None:
    film = tmp_path / "walk.webp"
    words = ("explore", "walk", run.path, "--seeds", "3-5", "--frames", 5, "--closed", "--out", film)
    status, out, said = command(*words)
    assert (status, out) == (0, f"{film}\n"), said
    assert "frames: 5 of 5" in said
    again = tmp_path / "again"
    status, out, _ = command("--json", "explore", "--out", again, "walk", run.path, "--path", tmp_path / "walk.json")
    assert status == 0
    about = json.loads(out)
    assert (about["frames"], about["path"]) == (5, str(again / "path.json"))
    assert (again / "path.json").read_bytes() == (tmp_path / "walk.json").read_bytes()
    with Image.open(again / "frame-00000.png") as first:
        assert np.array_equal(np.asarray(first), lienzo.load(run).generate([3]).images[0])
    status, _, said = command("explore", "walk", run.path, "--frames", 2, "--out", tmp_path / "walk.mkv")
    assert (status, "frames:" in said) == (2, False)
    assert "unknown ending of a film '.mkv'" in said
    status, _, said = command("explore", "walk", run.path, "--path", film.with_suffix(".json"), "--frames", 7)
    assert (status, said.count("\n")) == (2, 1)
    assert "leave seeds, labels, latents and the film's settings out" in said
