"""The folder of a training run, and the only place that knows what its files are called."""

import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lienzo.errors import RecipeError, RunError
from lienzo.recipe.recipe import Recipe
from lienzo.run.manifest import FORMAT, Manifest
from lienzo.storage import schemas
from lienzo.storage.files import fingerprint, write_bytes, write_json

if TYPE_CHECKING:
    from lienzo.collection.collection import Collection

log = logging.getLogger("lienzo")

TAILS = (1 << 12, 1 << 20)
"""Bytes of a log in which its last line is looked for; the second where the first hold none that is whole."""


@dataclass(frozen=True)
class Run:
    """A training run, finished or not."""

    path: Path
    """The folder."""

    @classmethod
    def open(cls, path: "str | Path | Run") -> "Run":
        """Return the run in this folder.

        Raises:
            RunError: no such folder, or no run in it.
        """
        run = path if isinstance(path, Run) else cls(Path(path))
        if not run.path.exists():
            raise RunError(f"there is no run {run.path}: check the path.")
        if run.exists():
            return run
        if run.begun():
            raise RunError(
                f"{run.path} lacks its recipe.toml: go on with the words that it was begun with, which write it again."
            )
        raise RunError(f"{run.path} is no run: it has no run.json and recipe.toml; `lienzo train` makes one.")

    def _repr_html_(self) -> str:
        """Return what a notebook shows: how far the run is, its curves, and its newest drawing."""
        from lienzo.run import notebook  # noqa: PLC0415  it shows runs

        return notebook.cell(self)

    def exists(self) -> bool:
        """Say whether the folder holds a run."""
        return self.begun() and self.recipe_path.is_file()

    def begun(self) -> bool:
        """Say whether a run was begun here, which may have lost its recipe since."""
        return self.manifest_path.is_file()

    @property
    def manifest_path(self) -> Path:
        """Description of the run: collection, versions, machine and more; see :mod:`lienzo.run.manifest`."""
        return self.path / "run.json"

    @property
    def recipe_path(self) -> Path:
        """The resolved recipe."""
        return self.path / "recipe.toml"

    @property
    def log_path(self) -> Path:
        """A line of JSON per tick."""
        return self.path / "log.jsonl"

    @property
    def lock_path(self) -> Path:
        """Locked by the process that trains."""
        return self.path / "lock"

    @property
    def presence_path(self) -> Path:
        """Which process trains, and when it was last seen."""
        return self.path / "running.json"

    @property
    def generator_path(self) -> Path:
        """The newest generator, averaged where the recipe has an average."""
        return self.path / "generator.safetensors"

    @property
    def best_path(self) -> Path:
        """The generator with the lowest KID, where the recipe has it measured."""
        return self.path / "best.safetensors"

    @property
    def evolution_path(self) -> Path:
        """The fixed latents through time, animated."""
        return self.path / "samples" / "evolution.gif"

    @property
    def curves_path(self) -> Path:
        """The losses, drawn."""
        return self.path / "curves.png"

    @property
    def scores_path(self) -> Path:
        """A line of JSON per evaluation."""
        return self.path / "scores.jsonl"

    def sample_path(self, images: int) -> Path:
        """The fixed latents, drawn after so many pictures."""
        return self.path / "samples" / f"{images:012}.png"

    def checkpoint_path(self, images: int) -> Path:
        """All that resuming needs, after so many pictures."""
        return self.path / "checkpoints" / f"{images:012}.safetensors"

    def milestone_path(self, images: int) -> Path:
        """A checkpoint to go back to when trouble comes, after so many pictures."""
        return self.path / "milestones" / f"{images:012}.safetensors"

    def epoch_path(self, epoch: int) -> Path:
        """The generator at the end of an epoch, counted from 1."""
        return self.path / "generators" / f"epoch-{epoch:04}.safetensors"

    def recipe(self) -> Recipe:
        """Read the resolved recipe.

        Raises:
            RecipeError: ``recipe.toml`` is missing or damaged.
        """
        try:
            return Recipe.from_toml(self.recipe_path)
        except RecipeError:
            raise RecipeError(
                f"{self.recipe_path} is missing or damaged: give the words that the run was begun with, which write it "
                "again."
            ) from None

    def manifest(self) -> Manifest:
        """Read ``run.json``.

        Raises:
            RunError: it is damaged, or from a newer lienzo.
        """
        damaged = RunError(f"{self.manifest_path} is damaged: restore it, or train into another folder.")
        try:
            manifest = schemas.decode(self.manifest_path.read_bytes(), dict[str, Any])
        except ValueError:
            raise damaged from None
        if manifest.pop("fingerprint", None) != fingerprint(manifest):
            raise damaged
        if isinstance(manifest.get("format"), int) and manifest["format"] > FORMAT:
            raise RunError(f"{self.path} was written by a newer lienzo: update lienzo to go on with it.")
        try:
            schemas.convert(manifest, Manifest)
        except ValueError:
            raise damaged from None
        return cast(Manifest, manifest)

    def collection_path(self) -> Path:
        """Return the folder of the collection that the run is trained on, which may be gone.

        Older runs name it as it was given, seen from where they were begun: mostly a folder above the run's.

        Raises:
            RunError: ``run.json`` is damaged.
        """
        path = Path(self.manifest()["collection"]["path"])
        folders = [Path(), *self.path.resolve().parents]
        return next((folder / path for folder in folders if (folder / path / "collection.json").exists()), path)

    def write_manifest(self, manifest: Manifest) -> None:
        """Write ``run.json``, sealed by the fingerprint of what it says."""
        write_json(self.manifest_path, {**manifest, "fingerprint": fingerprint(manifest)})

    def log(self) -> list[dict[str, Any]]:
        """Return the lines of the log; a last line that was cut off is left out, and one that is damaged too."""
        if not self.log_path.exists():
            return []
        lines = [_read_line(line) for line in self.log_path.read_bytes().split(b"\n")[:-1]]
        damaged = [str(number) for number, line in enumerate(lines, 1) if line is None]
        if damaged:
            log.warning("%s is damaged in line %s, which is left out.", self.log_path, ", ".join(damaged))
        return [line for line in lines if line is not None]

    def last_line(self) -> dict[str, Any]:
        """Return the last whole line of the log, read from its end, however long it is; empty where there is none."""
        for length in TAILS:
            try:
                with self.log_path.open("rb") as file:
                    begin = max(0, file.seek(0, 2) - length)
                    file.seek(begin)
                    texts = file.read(length).split(b"\n")[:-1]
            except FileNotFoundError:
                return {}
            lines = (_read_line(text) for text in reversed(texts))
            found = next((line for line in lines if line is not None), None)
            if found is not None or begin == 0:
                return found or {}
        return {}

    def append_log(self, line: dict[str, Any]) -> None:
        """Add a line to the log."""
        with self.log_path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(line) + "\n")

    def truncate_log(self, images: int) -> None:
        """Forget the lines after so many pictures: they will be written again."""
        kept = [line for line in self.log() if line["images"] <= images]
        write_bytes(self.log_path, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def samples(self) -> list[Path]:
        """Return the drawings of the fixed latents, the oldest first."""
        return sorted(self.path.glob("samples/*.png"))

    def milestones(self) -> list[Path]:
        """Return the checkpoints to go back to, the newest first; files whose names are no number are none."""
        return self._numbered("milestones")

    def checkpoints(self) -> list[Path]:
        """Return the checkpoints, the newest first; files whose names are no number are none."""
        return self._numbered("checkpoints")

    def epochs(self) -> list[Path]:
        """Return the generators of the epochs, the first first."""
        return sorted(self.path.glob("generators/epoch-*.safetensors"))

    def _numbered(self, folder: str) -> list[Path]:
        found = [path for path in self.path.glob(f"{folder}/*.safetensors") if re.fullmatch("[0-9]{1,18}", path.stem)]
        return sorted(found, reverse=True)


def usual_path(folder: str, collection: "str | Path | Collection", recipe: Recipe) -> Path:
    """Return where what is made of a collection lies by default, such as ``runs/COLLECTION-RECIPE``.

    Args:
        folder: for everything of this kind, such as ``runs``.
        collection: itself, its folder or its URL.
        recipe: with which it is made.
    """
    return Path(folder) / f"{called(collection)}-{recipe.name}"


def called(collection: "str | Path | Collection") -> str:
    """Return what a collection is called: the last part of its path or URL."""
    place = str(collection if isinstance(collection, str | Path) else collection.path)
    return place.rstrip("/").rpartition("/")[2] if "://" in place else Path(place).resolve().name


def _read_line(text: bytes) -> dict[str, Any] | None:
    """Return a line of the log, or nothing where it is none."""
    try:
        line = schemas.parse(text)
    except ValueError:
        return None
    if not isinstance(line, dict) or not isinstance(line.get("images"), int):
        return None
    return line if all(isinstance(line.get(name), int | float) for name in ("seconds", "images_per_second")) else None
