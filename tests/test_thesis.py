"""The thesis: every chapter in both languages says the same, and everything that its lines stand for is there."""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from conftest import ROOT, Command

import lienzo
from lienzo.collection.collection import Collection
from lienzo.display import formulas
from lienzo.errors import InputError
from lienzo.recipe.objectives import Minimax
from lienzo.theory.finding import Drawing
from lienzo.thesis import checking, computing, judging, kept, layout, rendering, thesis
from lienzo.thesis.bibliography import BIBLIOGRAPHY
from lienzo.thesis.catalogue import CHAPTERS, FIGURES
from lienzo.thesis.edition import LANGUAGES, Edition, Language
from lienzo.thesis.experiments.ablations import VARIANTS
from lienzo.thesis.rendering import Rendering
from lienzo.thesis.reproductions import REPRODUCTIONS
from lienzo.thesis.wording import WORDS, translated

FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$]+)\$", re.DOTALL)
TEXTS = [(name, language) for name in CHAPTERS for language in LANGUAGES]


def found(pattern: str, text: str) -> list[str]:
    return re.findall(pattern, text, re.MULTILINE)


def test_every_text_is_of_a_chapter() -> None:
    for language in LANGUAGES:
        files = {path.name for path in (rendering.TEXTS / language).iterdir()}
        assert files == {f"{chapter.number}-{name}.md" for name, chapter in CHAPTERS.items()}


@pytest.mark.parametrize("name", CHAPTERS)
def test_both_languages_say_the_same(name: str) -> None:
    english, spanish = (rendering.text(name, language) for language in LANGUAGES)
    for pattern in (r"^#+(?= )", r"^:::.*?(?: \w+)?(?= |$)", r"\[@[\w-]+\]", r"\]\(([^)]+)\)", r"^\|", r"^\{[^}]*\}"):
        assert found(pattern, english) == found(pattern, spanish), pattern
    assert FORMULA.findall(english) == FORMULA.findall(spanish)
    assert [each.words for each in rendering.placeholders(name, "en")] == [
        each.words for each in rendering.placeholders(name, "es")
    ]


@pytest.mark.parametrize(("name", "language"), TEXTS)
def test_everything_in_a_text_is_known(name: str, language: Language) -> None:
    text = rendering.text(name, language)
    assert set(found(r"\[@([^\]]+)\]", text)) <= BIBLIOGRAPHY.keys()
    for first, second in FORMULA.findall(text):
        formulas.formula(first or second, block=bool(first))
    for link in found(r"\]\(([^)]+)\)", text):
        page = link.partition("#")[0].removesuffix(".html")
        assert page in {*CHAPTERS, "bibliography", "reproductions", "index"}, link
    for each in rendering.placeholders(name, language):
        assert each.caption or each.kind in ("experiment", "kept", "source"), f"{each} has no caption"
        match each.kind:
            case "figure":
                assert each.words[0] in FIGURES
            case "drawing":
                kept.drawing(each.words[0], int(each.words[1]))
            case "source":
                rendering.source(each.words[0], language)
            case _:
                kept.read(each.words[0])


@pytest.mark.parametrize("name", kept.names())
def test_what_is_kept_can_be_read(name: str) -> None:
    result = kept.read(name)
    for number in range(1, len(result.drawings) + 1):
        assert kept.drawing(name, number).content


def test_what_results_state_is_shown_in_spanish() -> None:
    english = re.compile(r"\b(the|of|at|by|over|with|largest|mean|loss|found|and|never|is|are|its|from|that|step)\b")
    for result in map(kept.read, thesis.results(CHAPTERS, "es")):
        for claim in result.claims:
            assert not english.search(translated(claim.statement, "es")), claim.statement


def test_words_and_works_are_whole() -> None:
    assert all(words.keys() == set(LANGUAGES) for words in WORDS.values())
    assert all(chapter.titles.keys() == set(LANGUAGES) for chapter in CHAPTERS.values())
    assert list(BIBLIOGRAPHY) == sorted(BIBLIOGRAPHY)
    assert all(re.fullmatch(r"https?://\S+", work.link) for work in BIBLIOGRAPHY.values())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("See [@nobody-1900].", "unknown work of the bibliography 'nobody-1900'"),
        ("{figure nothing} A caption.", "unknown figure 'nothing'"),
        ("{drawing nothing 1} A caption.", "unknown kept result 'nothing'"),
        ("{experiment nothing}", "unknown kept result 'nothing'"),
        ("{kept nothing}", "unknown kept result 'nothing'"),
        ("{source lienzo.seeds:nothing}", "there is no lienzo.seeds:nothing"),
        ("{sorce lienzo.seeds:derive}", "is no placeholder"),
        ("{figure}", "is no placeholder"),
        ("{figure two words} A caption.", "are not what such a line has"),
        (r"$\unheard$", "cannot be read"),
    ],
)
def test_what_a_text_cannot_mean_is_said(text: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "text", lambda name, language: text)
    with pytest.raises(ValueError, match=re.escape(said)):
        Rendering(Edition()).html("idea")


def test_a_chapter_becomes_a_page_with_its_neighbours(tmp_path: Path) -> None:
    pages = lienzo.thesis(["introduction"], tmp_path)
    assert [page.stem for page in pages] == ["introduction", "index", "bibliography", "reproductions"]
    page = pages[0].read_text(encoding="utf-8")
    assert "idea.html" not in page, "a link to a page that is not there"
    assert 'href="bibliography.html#goodfellow-2014"' in page
    assert "idea.html" not in pages[1].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("introductoin",), "unknown chapter 'introductoin': did you mean 'introduction'?"),
        (("introduction", "--collection", "nowhere"), "there is no collection at nowhere"),
        (("introduction", "--check"), "--check judges the whole thesis"),
        (("--check", "--language", "es"), "--check judges the whole thesis"),
    ],
)
def test_a_mistake_is_one_sentence(words: tuple[str, ...], said: str, command: Command, tmp_path: Path) -> None:
    status, out, told = command("thesis", *words, "--out", tmp_path / "thesis")
    assert (status, out) == (2, "")
    assert said in told
    assert not (tmp_path / "thesis").exists()


@pytest.mark.parametrize("words", [("introduction",), ("--check",)])
def test_a_file_in_the_place_of_the_folder_is_refused_at_once(
    words: tuple[str, ...], command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "REPRODUCTIONS", {})
    (tmp_path / "file").touch()
    status, out, told = command("thesis", *words, "--out", tmp_path / "file")
    assert (status, out) == (2, "")
    assert "file is a file: give a folder with --out" in told


def test_numbers_are_written_as_their_language_has_them() -> None:
    text = Rendering(Edition("es")).html("dcgan")
    assert "0,1466 ± 0,0320" in text
    assert "betas=[0.9,0.999]" in text
    assert "3.576.704" in Rendering(Edition("es")).html("architecture")
    assert "3,576,704" in Rendering(Edition("en")).html("architecture")


def test_figure_4_2_is_drawn_in_both_languages() -> None:
    english, spanish = (FIGURES["networks"](Edition(language)) for language in LANGUAGES)
    assert isinstance(english, Drawing)
    assert isinstance(spanish, Drawing)
    assert english.content != spanish.content


def test_a_language_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InputError, match="unknown language 'fr'"):
        lienzo.thesis(language="fr")  # type: ignore[arg-type]


def test_every_statement_has_a_verdict_and_the_page_shows_it() -> None:
    kept_verdicts = checking.read()
    assert list(kept_verdicts.verdicts) == list(REPRODUCTIONS)
    assert (ROOT / "docs" / checking.PAGE).read_text(encoding="utf-8") == checking.page(kept_verdicts)
    for statement in REPRODUCTIONS.values():
        assert statement.what.keys() == statement.criterion.keys() == set(LANGUAGES)
        assert statement.made == "now" or not statement.minutes or statement.made == "kept"


def test_the_share_of_the_recommendations_is_of_the_ways_to_switch_them_off() -> None:
    """Ten ways for seven recommendations: batch normalisation has three, and the generator's activations two."""
    (share,) = judging.recommendations().numbers
    assert share * 10 == round(share * 10)
    assert len(VARIANTS.keys() - {"thesis", "momentum", "smoothing"}) == 10
    criterion = REPRODUCTIONS["recommendations"].criterion
    assert "ten ways to drop one, or part of it" in criterion["en"]
    assert "diez formas de quitar una, o parte" in criterion["es"]


def test_statements_are_judged_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []

    def judge() -> judging.Judgement:
        used.append(torch.get_num_threads())
        return judging.not_tried()

    (name, statement), *_ = REPRODUCTIONS.items()
    monkeypatch.setattr(checking, "REPRODUCTIONS", {name: dataclasses.replace(statement, judge=judge)})
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert len([*checking.check()]) == 1
        assert (used, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lines_beside_algorithm_1_play_it(language: Language) -> None:
    (beside,) = re.findall(r"^:::: beside$.*?^::::$", rendering.text("game", language), re.MULTILINE | re.DOTALL)
    (shown,) = found(r"^\{source (\S+)\}", beside)
    lines = rendering.source(shown, language)
    assert 0 < lines.index("discriminator_step") < lines.index("generator_step")


def test_an_interrupted_renewal_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[str] = []

    def compute(name: str, folder: Path, edition: Edition) -> Iterator[str]:
        yield "its only part"
        computed.append(name)
        result = kept.read(name)
        kept.write(name, result, [kept.drawing(name, i) for i, _ in enumerate(result.drawings, 1)], folder)

    monkeypatch.setattr(computing, "compute", compute)
    going = thesis.steps(["divergences"], tmp_path, again=True)
    begun = [next(going).doing for _ in range(2)]
    going.close()  # type: ignore[attr-defined]
    assert len(computed) == 1 < len({*begun})
    lienzo.thesis(["divergences"], tmp_path)  # without computing anything, which leaves the record
    lienzo.thesis(["convolutions"], tmp_path, again=True)  # which shows others, and comes to its end
    lienzo.thesis(["divergences"], tmp_path, again=True)
    assert len(computed) == len({*computed})
    first = len(computed)
    lienzo.thesis(["divergences"], tmp_path, again=True)  # that came to its end too, so all are computed anew
    assert sorted(computed[first:]) == sorted(thesis.results(["divergences"], "en"))


def test_pictures_without_a_part_held_out_are_refused_before_anything_is_computed(
    collection: Collection, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="has no pictures held out to score against"):
        thesis.steps(["dcgan"], tmp_path, collection=collection.path, again=True)


QUICK = ("definition-3", "figure-3.1", "algorithm-1", "preprocessing", "figure-4.2", "settings", "cpu-slower")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the statements be those that are judged in a moment."""
    for name in set(REPRODUCTIONS) - set(QUICK):
        monkeypatch.delitem(checking.REPRODUCTIONS, name)


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_verdicts_are_judged_again(command: Command, tmp_path: Path) -> None:
    status, out, _ = command("thesis", "--check", "--out", tmp_path)
    assert status == 0, out
    assert f"{len(QUICK)} of {len(QUICK)} verdicts are as they were" in out
    assert checking.read(tmp_path / "verdicts.json").verdicts.keys() == set(QUICK)


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_a_verdict_that_changes_exits_with_1(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that climbs where it should descend is found out."""
    right = Minimax.generator
    monkeypatch.setattr(Minimax, "generator", lambda self, real, fake: -right(self, real, fake))
    status, out, _ = command("thesis", "--check", "--out", tmp_path, "--json")
    assert status == 1
    changed = [each["name"] for each in json.loads(out) if not each["agrees"]]
    assert changed == ["algorithm-1"]


def test_verdicts_of_another_form_are_refused(tmp_path: Path) -> None:
    (tmp_path / "verdicts.json").write_text('{"verdicts": {"theorem-1": {"verdict": "true"}}}', encoding="utf-8")
    with pytest.raises(InputError, match="holds no verdicts"):
        checking.read(tmp_path / "verdicts.json")


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_thesis_is_pages_that_need_nothing_else(language: Language, tmp_path: Path) -> None:
    from test_pages import read

    written = lienzo.thesis(out=tmp_path, language=language)
    assert len(written) == len({*written}) == len(list(tmp_path.iterdir()))
    names = {page.name for page in written}
    assert {layout.file(name) for name in CHAPTERS} <= names
    for page in written:
        text = page.read_text(encoding="utf-8")
        read(text)
        assert f'<html lang="{language}">' in text
        assert not found(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="https?:', text)
        assert not found(
            r"\$|\{(?:figure|drawing|kept|source)",
            re.sub(r"<pre>.*?</pre>|<style>.*?</style>|<svg.*?</svg>", "", text, flags=re.DOTALL),
        )
        for target, anchor in found(r'href="(?!https?:|data:)([^"#]*)#?([^"]*)"', text):
            if target or anchor:
                there = page if not target else tmp_path / target
                assert there.exists(), f"{page.name} links to {target}"
                assert not anchor or f'id="{anchor}"' in there.read_text(encoding="utf-8"), f"{target}#{anchor}"
