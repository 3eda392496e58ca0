"""Texts that people judged, as they are published: nuggets of SciTLDR's human evaluation, and labels of SummEdits."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from evals.examples import Example, Gold, Words
from summarizer import Paper
from summarizer.extension import InputError, Source, first_problem, sentences

#: Files of the folder `analysis` of SciTLDR, of which those that are there are read, one after the other.
NUGGET_FILES: Final = (
    "human_eval_informativeness.csv",
    "tldr_pred_nuggets.csv",
    "tldr_auth_pr_gold_nuggets.csv",
)
#: What a summary may hold, as those who labelled it were asked.
NUGGETS: Final = (
    "area_field_topic",
    "problem_motivation",
    "mode_of_contrib",
    "details_descrip",
    "results_findings",
    "value_signif",
)
#: Summaries by people. They are the targets, so a comparison with the targets says nothing of them.
PEOPLE: Final = frozenset({"auth_gold", "pr_gold"})


@dataclass(frozen=True, slots=True)
class Judged:
    """One text about a paper, and what people say about it."""

    id: str
    example: Example
    text: str
    judgement: float
    """How many nuggets it holds; or 1 for a text that says what the paper does not, and 0 for any other."""
    kinds: tuple[str, ...] = ()
    """How the text was changed, where it was."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Nuggets of each (paper, system, text), counted."""

    nuggets: Mapping[tuple[str, str, str], float]
    rows: int
    conflicting: int
    """Texts that stand there with different labels. They have the mean: nothing says which copy is right."""
    people: int
    """Texts by people, which are left out."""


class _NuggetRow(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    paper_id: Words
    auth_pr: Words
    tldr: Words
    area_field_topic: Literal["0", "1"]
    problem_motivation: Literal["0", "1"]
    mode_of_contrib: Literal["0", "1"]
    details_descrip: Literal["0", "1"]
    results_findings: Literal["0", "1"]
    value_signif: Literal["0", "1"]

    @property
    def count(self) -> int:
        return sum(getattr(self, nugget) == "1" for nugget in NUGGETS)


class _Edit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    doc: Words
    summary: Words
    label: Literal[0, 1]
    original_summary: str = ""
    edit_types: tuple[str, ...] = ()


_EDITS: Final = TypeAdapter(tuple[_Edit, ...])


def read_labels(folder: Path) -> Labels:
    """The nuggets of a folder, each text once. `InputError` for a folder without such files, or with other ones.

    The files are copies of one another in part: the same text with the same labels says nothing new.
    """
    paths = [folder / name for name in NUGGET_FILES if (folder / name).is_file()]
    if not paths:
        raise InputError(str(folder), f"has no labels; looked for {', '.join(NUGGET_FILES)}")
    found: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    rows = 0
    for path in paths:
        for row in _rows(path):
            rows += 1
            found[row.paper_id, row.auth_pr, row.tldr.strip()].add(row.count)
    nuggets = {key: sum(counts) / len(counts) for key, counts in found.items() if key[1] not in PEOPLE}
    return Labels(
        nuggets=nuggets,
        rows=rows,
        conflicting=sum(len(counts) > 1 for counts in found.values()),
        people=len(found) - len(nuggets),
    )


def judged_nuggets(labels: Labels, examples: Iterable[Example], data: Path) -> list[Judged]:
    """The labelled texts with their papers; `InputError` when papers are missing in the data."""
    wanted = {paper for paper, _, _ in labels.nuggets}
    papers = {example.paper.id: example for example in examples if example.paper.id in wanted}
    if missing := sorted(wanted - papers.keys()):
        reason = f"has not all papers that were labelled: {len(missing)} of {len(wanted)} are missing, such as "
        raise InputError(str(data), f"{reason}{missing[0]!r}; they are in the split `test`")
    return [
        Judged(id=f"{paper}/{system}", example=papers[paper], text=text, judgement=count)
        for (paper, system, text), count in labels.nuggets.items()
    ]


def read_edits(path: Path) -> list[Judged]:
    """Texts with `label` 1 (says what the paper says) or 0, of one JSON list or of JSON Lines. `InputError` otherwise.

    The document is the abstract; there are no targets. Texts of one document are not independent.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(str(path), str(error.strerror)) from error
    if not content.lstrip().startswith(b"["):
        content = b"[" + b",".join(line for line in content.splitlines() if line.strip()) + b"]"
    try:
        edits = _EDITS.validate_json(content)
    except ValidationError as error:
        raise InputError(str(path), f"not labels of edits: {first_problem(error, 'file')}") from error
    if not edits:
        raise InputError(str(path), "holds no labels")
    return [_judged_edit(path, number, edit) for number, edit in enumerate(edits, start=1)]


def _judged_edit(path: Path, number: int, edit: _Edit) -> Judged:
    document = sha256(edit.doc.encode()).hexdigest()[:16]
    spans = sentences(edit.doc) or [(0, len(edit.doc))]
    example = Example(
        paper=Paper(id=document, title="", abstract=edit.doc, source=Source(name=path.name, line=number)),
        gold=Gold(),
        sentences=tuple(edit.doc[start:end] for start, end in spans),
        document=document,
    )
    return Judged(
        id=edit.id, example=example, text=edit.summary, judgement=float(edit.label == 0), kinds=edit.edit_types
    )


def _rows(path: Path) -> Iterator[_NuggetRow]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.DictReader(file)
            for row in lines:
                yield _row(path, lines.line_num, row)
    except OSError as error:
        raise InputError(str(path), str(error.strerror)) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(str(path), f"is not CSV in UTF-8: {error}") from error


def _row(path: Path, line: int, row: Mapping[str, str]) -> _NuggetRow:
    try:
        return _NuggetRow.model_validate(row)
    except ValidationError as error:
        raise InputError(str(path), f"not labels of nuggets: {first_problem(error, 'line')}", line) from error
