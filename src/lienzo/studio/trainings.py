"""Trainings that the studio starts and stops: processes of their own, which outlive it."""

import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import psutil

from lienzo.errors import InputError, unknown
from lienzo.recipe.catalogue import RECIPES, find
from lienzo.run.occupancy import occupant
from lienzo.run.run import Run
from lienzo.studio.reading.artefacts import Artefacts

BEGIN_SECONDS = 20.0
"""A training that has not begun or failed after so long is left to itself, and the list will show it."""

NAME = r"[\w-][\w.-]*(?: [\w.-]+)*"
"""A name of a run: one folder, without slashes, that is not hidden."""

COMMANDS = ("lienzo", "torchrun")
"""Programs that save and end when they are asked to; a notebook, say, would be killed with all that it holds."""

LONGEST_NAME = 60
"""Characters of it: with what is added to it, it is still a name for every file system."""


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be trained."""

    collection: str
    """Path of the collection, within the studio's folder."""

    recipe: str
    """Name of a recipe."""

    name: str
    """Name of the run, a folder in ``runs``."""

    settings: tuple[str, ...] = ()
    """Keys that differ from the recipe's, as ``--set`` reads them."""

    def words(self, artefacts: Artefacts) -> list[str]:
        """Return the words of the command, behind ``lienzo``.

        Raises:
            InputError: an unknown collection, recipe or key, or a name that is no name.
        """
        if len(self.name) > LONGEST_NAME or not re.fullmatch(NAME, self.name):
            raise InputError(
                f"'{self.name[:80]}' cannot be the name of a run: use up to {LONGEST_NAME} letters, digits, dots and "
                "dashes."
            )
        if self.recipe.endswith(".toml"):
            raise InputError("the studio trains recipes by name: start one from a file with lienzo train.")
        if self.recipe not in RECIPES:  # find would look for a file of this name, wherever that leads
            raise InputError(unknown("recipe", self.recipe[:80], RECIPES))
        find(self.recipe).with_settings(self.settings)
        collection = artefacts.collection(self.collection)
        out = artefacts.root / "runs" / self.name
        settings = ["--set", *self.settings] if self.settings else []
        return ["train", str(collection.path), "--recipe", self.recipe, "--out", str(out), *settings]

    def command(self, artefacts: Artefacts) -> str:
        """Return the command as one would type it."""
        return shlex.join(["lienzo", *self.words(artefacts)])


def start(training: Training, artefacts: Artefacts) -> str:
    """Start a training, wait until it has begun, and return the path of its run.

    What it says goes to ``runs/NAME.log``. It does not end with the studio.

    Raises:
        InputError: it cannot begin; the sentence is the training's own.
    """
    words = training.words(artefacts)
    run = Run(artefacts.root / "runs" / training.name)
    if run.path.exists():
        raise InputError(f"runs/{training.name} is there already: choose another name, or go on with it.")
    _begin(run, words, artefacts)
    return f"runs/{training.name}"


def go_on(run: Run, artefacts: Artefacts) -> None:
    """Go on with a training that has ended before its time, and wait until it has begun.

    What it says is added to ``NAME.log`` beside the run.

    Raises:
        InputError: it cannot go on, or its collection does not lie in the studio's folder.
    """
    trainer, collection = occupant(run), artefacts.name_of(run.collection_path())
    if trainer is not None:
        raise InputError(f"{run.path.name} is trained by {trainer} already: let it.")
    if collection not in artefacts.collections():
        raise InputError(f"the collection of {run.path.name} is not in this folder: go on by the command.")
    path = artefacts.collection(collection).path
    _begin(run, ["train", str(path), "--recipe", str(run.recipe_path), "--out", str(run.path)], artefacts)


def _begin(run: Run, words: list[str], artefacts: Artefacts) -> None:
    """Start the command ``lienzo`` with these words, and wait until it trains or has ended.

    Raises:
        InputError: it has failed, or what it says cannot be written or would lie outside of the studio's folder.
    """
    said = run.path.parent / f"{run.path.name}.log"
    for path in (run.path, said):
        if artefacts.name_of(path) is None:
            raise InputError(f"{path} leads out of the studio's folder by a link: take the link away, then try again.")
    try:
        run.path.parent.mkdir(parents=True, exist_ok=True)
        with said.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "lienzo", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise InputError(f"{said} cannot be written ({error.strerror}): make room there, then try again.") from None
    threading.Thread(target=process.wait, daemon=True).start()  # so that its end is noticed while the studio runs
    deadline = time.monotonic() + BEGIN_SECONDS
    while time.monotonic() < deadline and not (run.exists() and occupant(run)):
        if process.returncode is not None:
            if process.returncode:
                raise InputError(_last_line(said) or f"the training ended with status {process.returncode}.")
            return
        time.sleep(0.1)


def stop(run: Run) -> None:
    """Ask the process that trains in a run's folder to save and end.

    Raises:
        InputError: nobody trains there, or not on this machine.
    """
    trainer = occupant(run)
    if trainer is None:
        raise InputError(f"nobody trains in {run.path.name}: there is nothing to stop.")
    if trainer.host != socket.gethostname():
        raise InputError(f"{run.path.name} is trained by {trainer}: stop it there.")
    try:
        process = psutil.Process(trainer.pid)
        if not any(Path(word).stem in COMMANDS for word in process.cmdline()):
            raise InputError(f"{trainer} is not the command lienzo: stop it where it was started.")
        process.send_signal(signal.SIGTERM)
    except psutil.Error:
        raise InputError(f"{trainer} has ended, or is another user's: look again.") from None


def _last_line(path: Path) -> str:
    """Return the last line of what a training said, without the name of the command before it."""
    lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].removeprefix("lienzo: ") if lines else ""
