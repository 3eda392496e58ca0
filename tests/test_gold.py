"""Gold of one's own: what a line may say, what it comes to, and that what is written is what is read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.data import find
from evals.examples import ASPECTS, Claim, Example, Gold, GoldName, Kind
from evals.suites import load_suite
from evals.suites.gold import GoldPaper, MethodName, gold_line, read
from summarizer import Paper, read_records
from summarizer.cli import main
from summarizer.errors import InputError, SettingsError
from summarizer.records import Role, Source

Write = Callable[[str, str], Path]

_LINE = {
    "id": "geese",
    "title": "Counting Geese from the Air",
    "abstract": "HonkNet counts geese. On FlockBook it raises recall from 81.0% to 88.40%. Herons are left alone.",
}
_RESULT = {
    "value": "88.40",
    "unit": "%",
    "metric": "recall",
    "dataset": "FlockBook",
    "method": "HonkNet",
    "baseline_value": "81.0",
    "kind": "absolute",
    "evidence": "it raises recall from 81.0% to 88.40%",
}


@pytest.fixture
def file(write: Write) -> Callable[..., Path]:
    """Write a gold file of one line, that of the geese with other keys."""

    def make(**keys: object) -> Path:
        return write("gold.jsonl", json.dumps(_LINE | keys) + "\n")

    return make


def _only(path: Path) -> Example:
    (example,) = read(path)
    return example


def test_a_labelled_line_becomes_an_example(file: Callable[..., Path]) -> None:
    """Every field of the annotation guide arrives, with aliases and roles, and the paper knows its line."""
    example = _only(
        file(
            tldr="HonkNet counts geese.",
            contribution="method",
            tasks=["Counting Geese"],
            methods=[{"name": "HonkNet", "aliases": ["Honk"], "role": "proposed"}],
            datasets=["FlockBook"],
            metrics=[{"name": "recall"}],
            results=[_RESULT],
            aspects={"approach": "HonkNet is used."},
            document="air",
            note="for people",
        )
    )
    assert example.paper.source == Source(name="gold.jsonl", line=1)
    assert example.document == "air"
    assert example.gold == Gold(
        summaries=("HonkNet counts geese.",),
        aspects={"approach": "HonkNet is used."},
        names={
            "task": (GoldName(name="Counting Geese"),),
            "method": (GoldName(name="HonkNet", aliases=("Honk",), role="proposed"),),
            "dataset": (GoldName(name="FlockBook"),),
            "metric": (GoldName(name="recall"),),
        },
        contribution="method",
        results=(
            Claim(
                value="88.40", unit="%", metric="recall", dataset="FlockBook", method="HonkNet", baseline_value="81.0"
            ),
        ),
    )


def test_missing_is_not_empty(file: Callable[..., Path]) -> None:
    """What is missing or null was not labelled; an empty list was, and holds nothing."""
    assert _only(file(metrics=None)).gold == Gold()
    assert _only(file(tasks=[], results=[])).gold == Gold(names={"task": ()}, results=())


def test_sentences_are_given_or_found(file: Callable[..., Path]) -> None:
    """Without sentences the abstract is divided; the id is the document where none is named."""
    example = _only(file())
    assert example.sentences[0] == "HonkNet counts geese."
    assert len(example.sentences) == 3
    assert example.document == "geese"
    given_ones = ["HonkNet counts geese. On FlockBook it raises recall", "from 81.0% to 88.40%."]
    assert list(_only(file(sentences=given_ones)).sentences) == given_ones


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("honknet", True),
        ("heron", True),
        ("Counting  Geese", True),
        ({"name": "aerial counting", "aliases": ["counts"]}, True),
        ("ImageNet", False),
        ("oun", False),
        ("Honk", False),
        ("net (neural)", False),
    ],
)
def test_names_are_stated_by_what_the_text_says(name: object, stated: bool, file: Callable[..., Path]) -> None:
    """A form that the title or the abstract has as whole words, in any case and plural, makes a name stated."""
    (found,) = _only(file(datasets=[name])).gold.names["dataset"]
    assert found.stated is stated


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"dataset": ["FlockBook"]}, "there is no key 'dataset'"),
        ({"aspects": {"aproach": "HonkNet is used."}}, "aspects.aproach"),
        ({"results": [_RESULT | {"evidense": "x"}]}, "results.0.evidense: Extra inputs"),
        ({"methods": [{"name": "HonkNet", "rôle": "used"}]}, "methods.0.rôle: Extra inputs"),
        ({"datasets": [{"name": "FlockBook", "role": "used"}]}, "datasets.0.role: Extra inputs"),
        ({"contribution": "novelty"}, "contribution: Input should be 'method', 'resource'"),
        ({"methods": [{"name": "HonkNet", "role": "new"}]}, "methods.0.role: Input should be 'proposed'"),
        ({"results": [_RESULT | {"kind": "score"}]}, "results.0.kind: Input should be 'absolute'"),
        ({"results": [{"value": "81.0"}]}, "results.0.kind: Field required"),
        ({"results": [_RESULT | {"value": "88.4"}]}, "results.0.value: neither title nor abstract has '88.4'"),
        ({"results": [_RESULT | {"baseline_value": "1.0"}]}, "results.0.baseline_value: neither title nor abstract"),
        ({"results": [_RESULT | {"unit": "points"}]}, "results.0.unit: neither title nor abstract has 'points'"),
        ({"results": [_RESULT | {"metric": "Recall"}]}, "results.0.metric: neither title nor abstract has 'Recall'"),
        ({"results": [_RESULT | {"dataset": "Flocks"}]}, "results.0.dataset: neither"),
        ({"results": [_RESULT | {"method": "HonkNet-2"}]}, "results.0.method: neither"),
        ({"results": [_RESULT | {"evidence": "recall rises"}]}, "results.0.evidence: neither"),
        ({"results": [_RESULT | {"evidence": "raises recall"}]}, "results.0.evidence: it does not hold the value"),
        ({"sentences": ["HonkNet counts ducks."]}, "sentences: the abstract does not have"),
        ({"tasks": ["Counting", {"name": "Geese", "aliases": ["counting"]}]}, "tasks: two entries have the form"),
        ({"tldr": []}, "tldr: it is empty; leave the key out"),
        ({"sentences": []}, "sentences: it is empty; leave the key out"),
        ({"tldr": [" "]}, "tldr.0: it is empty"),
        ({"tldr": "honk " * 801}, "tldr.0: it has more than 4,000 characters"),
        ({"aspects": {"outcome": "honk " * 801}}, "aspects.outcome: it has more than 4,000 characters"),
        ({"abstract": ""}, "abstract: it is empty"),
        ({"tasks": [7]}, "tasks.0: Input should be an object"),
    ],
)
def test_what_does_not_belong_is_refused(keys: dict[str, object], problem: str, file: Callable[..., Path]) -> None:
    """A wrong key, a word that is in no list or a quote that the paper does not have: file, line and what is wrong."""
    path = file(**keys)
    with pytest.raises(InputError) as caught:
        list(read(path))
    assert problem in str(caught.value)
    assert (caught.value.path, caught.value.line) == (str(path), 1)


def test_an_id_stands_once(write: Write) -> None:
    """The second line of an id is refused, and named."""
    path = write("gold.jsonl", "".join(json.dumps(_LINE | {"id": known}) + "\n" for known in ("a", "b", "a")))
    with pytest.raises(InputError, match="the id 'a'") as caught:
        list(read(path))
    assert caught.value.line == 3


def test_a_record_is_not_gold(write: Write, tmp_path: Path) -> None:
    """What `summarizer run` wrote is refused with advice: measured against itself a model is always right."""
    out = tmp_path / "out.jsonl"
    main(["run", str(write("papers.jsonl", json.dumps(_LINE))), "-o", str(out), "--backend", "scripted", "--quiet"])
    assert len(list(read_records(out))) == 1
    with pytest.raises(InputError, match="record of `summarizer run`.*summarizer annotate"):
        list(read(out))


def test_gold_is_a_suite_with_data_of_ones_own(file: Callable[..., Path], tmp_path: Path) -> None:
    """It takes a file or a folder, and says without one where its data come from."""
    suite, path = load_suite("gold"), file()
    assert find(suite, path, "dev", tmp_path) == path
    assert find(suite, path.parent, "dev", tmp_path) == path
    with pytest.raises(SettingsError, match=r"gold needs --data.*docs/gold\.md"):
        find(suite, None, "dev", tmp_path)


def test_the_documented_line_can_be_read(write: Write) -> None:
    """The example of `docs/gold.md` is what it says, once it stands on one line, and the table has all keys."""
    text = (Path(__file__).parent.parent / "docs" / "gold.md").read_text(encoding="utf-8")
    block = next(part for part in text.split("```") if part.startswith('\n{"id"'))
    example = _only(write("gold.jsonl", " ".join(block.split())))
    assert example.gold.results is not None
    assert all(f"`{key}`" in text for key in GoldPaper.model_fields)


def test_a_line_has_what_was_labelled(file: Callable[..., Path], write: Write) -> None:
    """A line that is read and written again says the same, evidence and note included, and nothing more."""
    keys = {"tldr": ["HonkNet counts geese."], "tasks": [], "results": [_RESULT], "note": "for people"}
    (line,) = file(**keys).read_text(encoding="utf-8").splitlines()
    written = gold_line(GoldPaper.model_validate_json(line))
    assert json.loads(written) == json.loads(line)
    assert written.endswith("}\n")
    assert _only(write("again.jsonl", written)).gold == _only(file(**keys)).gold


def test_what_cannot_be_read_is_not_written(make_paper: Callable[..., Paper]) -> None:
    """An example whose results are not in the paper does not become a line."""
    gold = Gold(results=(Claim(value="99.9"),))
    example = Example(paper=make_paper(), gold=gold, sentences=("We present BrookNet-1",), document="d")
    with pytest.raises(InputError, match=r"cannot be gold: paper: results\.0\.value: neither title nor .* has '99\.9'"):
        gold_line(example)


#: Letters with two cases, none or odd ones, and what JSON Lines have to escape or could take for the end of a line.
_TEXT = st.text("ab ÄéßΣ\U0001d518文7.-\"'\\/{}\n\r\t\u2028\x85\u0301", min_size=1, max_size=12).filter(str.strip)


@st.composite
def _names(draw: st.DrawFn, kind: Kind, text: str) -> tuple[GoldName, ...]:
    """Names of the text and others, no two with the same form."""
    words = text.split()
    forms = draw(st.lists(st.sampled_from(words) | _TEXT, max_size=6, unique_by=str.casefold))
    roles: tuple[Role | None, ...] = (None, *get_args(Role)) if kind == "method" else (None,)
    names = []
    while forms:
        size = draw(st.integers(1, len(forms)))
        (name, *aliases), forms = forms[:size], forms[size:]
        found = MethodName(name=name, aliases=tuple(aliases), role=draw(st.sampled_from(roles)))
        names.append(GoldName(**found.model_dump(), stated=draw(st.booleans())))
    return tuple(names)


@st.composite
def _claims(draw: st.DrawFn) -> Claim:
    part = st.none() | st.sampled_from(("recall", "FlockBook", "HonkNet"))
    return Claim(
        value=draw(st.sampled_from(("88.40", "81.0", "88.40%", "geese"))),
        unit=draw(st.sampled_from(("", "%"))),
        metric=draw(part),
        dataset=draw(part),
        method=draw(part),
        baseline_value=draw(st.none() | st.just("81.0")),
        kind=draw(st.sampled_from(("absolute", "change", "finding"))),
    )


@st.composite
def _examples(draw: st.DrawFn) -> Example:
    abstract = f"{draw(_TEXT)} {_LINE['abstract']} {draw(_TEXT)}"
    kinds: list[Kind] = draw(st.lists(st.sampled_from(("task", "method", "dataset", "metric")), unique=True))
    gold = Gold(
        summaries=tuple(draw(st.lists(_TEXT, max_size=3))),
        aspects=draw(st.dictionaries(st.sampled_from(ASPECTS), _TEXT, max_size=2)),
        names={kind: draw(_names(kind, abstract)) for kind in kinds},
        contribution=draw(st.sampled_from((None, "method", "study", "theory"))),
        results=draw(st.none() | st.lists(_claims(), max_size=3).map(tuple)),
    )
    return Example(
        paper=Paper(id=draw(_TEXT), title=draw(_TEXT), abstract=abstract, source=Source(name="gold.jsonl", line=1)),
        gold=gold,
        sentences=("HonkNet counts geese.", "Herons are left alone."),
        document=draw(_TEXT),
    )


def _without_stated(example: Example) -> Example:
    names = {
        kind: tuple(name.model_copy(update={"stated": True}) for name in found)
        for kind, found in example.gold.names.items()
    }
    return example.model_copy(update={"gold": example.gold.model_copy(update={"names": names})})


@given(example=_examples())
def test_what_is_written_is_what_is_read(example: Example, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Any example comes back from its line as it was; only what is stated follows from the text anew."""
    path = tmp_path_factory.mktemp("gold") / "gold.jsonl"
    path.write_text(gold_line(example), encoding="utf-8", newline="")
    again = _only(path)
    assert _without_stated(again) == _without_stated(example)
    assert gold_line(again) == gold_line(example)
