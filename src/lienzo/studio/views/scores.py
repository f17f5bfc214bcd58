"""The view of scores: all that was scored, in groups that compare, and the scores of one run with what was found."""

from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lienzo.errors import InputError
from lienzo.studio.answering import told
from lienzo.studio.asking import number, word
from lienzo.studio.canvas.wishes import Read, Show
from lienzo.studio.context import context_of
from lienzo.studio.reading import findings, scores
from lienzo.studio.reading.artefacts import Artefacts
from lienzo.studio.reading.scores import Line
from lienzo.studio.views.canvas import answer

MOST_LINES = 100
"""Of a group in one page."""

MOST_GROUPS = 20
"""Groups that are told, the largest ones."""

MOST_EVALUATIONS = 50
"""Of one run that are told in full, the newest."""


def _list(request: Request) -> Response:
    """Answer with the groups; of the one that ``group`` names the lines from ``first`` on, of others the first ones."""
    artefacts = context_of(request).artefacts
    found = scores.groups(artefacts, word(request, "sort", "kid"), down=word(request, "down", "") == "1")
    chosen, first = word(request, "group", ""), number(request, "first", 0)
    names = collections(artefacts)
    shown = [_group(group, first if group["key"] == chosen else 0, names) for group in found[:MOST_GROUPS]]
    lines = sum(len(one["lines"]) for one in found)
    return told({"count": len(found), "lines": lines, "left_out": scores.all_left_out(artefacts), "groups": shown})


def _group(group: dict[str, Any], first: int, names: dict[str, str]) -> dict[str, Any]:
    """Return a group with one page of its lines."""
    conditions, best = group["conditions"], group["best"]
    lines = [_line(line, best) for line in group["lines"][first : first + MOST_LINES]]
    shown = {"count": len(group["lines"]), "first": first, "lines": lines, "page": MOST_LINES}
    return {**{name: group[name] for name in ("key", "conditions", "differs", "columns")}, **shown,
            "collection": names.get(conditions["collection"])}  # fmt: skip


def _line(line: Line, best: dict[str, set[tuple[str, int]]]) -> dict[str, Any]:
    one = msgspec.to_builtins(line)
    one["values"] = {name: value and value._asdict() for name, value in line.values.items()}
    one["best"] = [name for name, lines in best.items() if (line.run, line.number) in lines]
    del one["conditions"]
    assert isinstance(one, dict)
    return one


def collections(artefacts: Artefacts) -> dict[str, str]:
    """Return the collections below the folder: fingerprint -> path."""
    found: dict[str, str] = {}
    for name in artefacts.collections():
        try:
            found.setdefault(artefacts.collection(name).fingerprint, name)
        except InputError:  # damaged: the list of collections says so
            continue
    return found


def _one(request: Request) -> Response:
    """Answer with the evaluations of one run, the newest first, and with what was found about its generators."""
    artefacts, name = context_of(request).artefacts, word(request, "run")
    run = artefacts.run(name)
    newest = scores.header_of(run.generator_path).get("fingerprint")
    names, evaluations = collections(artefacts), scores.evaluations(run)
    lines = [
        {
            **one.to_json(),
            "number": number,
            "title": one.title,
            "images": scores.images_of(run, one.generator),
            "newest": one.generator == newest,
            "here": names.get(one.collection),
        }
        for number, one in reversed(list(enumerate(evaluations)))
    ]
    return told(
        {
            "run": name,
            "folder": str(run.path),
            "count": len(lines),
            "evaluations": lines[:MOST_EVALUATIONS],
            "findings": findings.findings(artefacts, name, run),
        }
    )


async def _finding(request: Request) -> Response:
    """Answer with what a file of a dissection or of directions says."""
    return await answer(request, Read(word(request, "run"), await run_in_threadpool(_file, request)))


async def _example(request: Request) -> Response:
    """Answer with pictures in which a dissection switched a concept."""
    asked = {"kind": "show", "run": word(request, "run"), "file": await run_in_threadpool(_file, request)}
    try:
        wish = msgspec.convert(
            asked | {"example": number(request, "example", 0), "view": word(request, "view")}, type=Show
        )
    except msgspec.ValidationError as error:
        raise InputError(f"there is no such picture of a dissection ({error}): reload the page.") from None
    return await answer(request, wish)


def _file(request: Request) -> str:
    artefacts, name = context_of(request).artefacts, word(request, "run")
    return str(findings.located(artefacts, name, artefacts.run(name), word(request, "file")))


ROUTES = [
    Route("/api/scores", _list),
    Route("/api/scores/run", _one),
    Route("/api/scores/finding", _finding),
    Route("/api/scores/example", _example),
]
