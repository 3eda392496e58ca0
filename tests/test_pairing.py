"""Pairs: the same papers of two files find each other in any order, and the others are counted."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from evals.pairing import Pairs
from evals.samples import Sample
from summarizer.errors import InputError
from tests.eval_runs import rouge, sample


def write(path: Path, samples: Sequence[Sample]) -> Path:
    """Write samples, a line each."""
    path.write_text("".join(one.model_dump_json() + "\n" for one in samples), encoding="utf-8")
    return path


def paired(tmp_path: Path, a: Sequence[int], b: Sequence[int]) -> tuple[list[str], Pairs]:
    """The ids that pairs of papers of these numbers have, and the counts."""
    pairs = Pairs(
        write(tmp_path / "a.jsonl", [sample(number, rouge(0.1)) for number in a]),
        write(tmp_path / "b.jsonl", [sample(number, rouge(0.2)) for number in b]),
    )
    ids = []
    for one, other in pairs:
        assert one.id == other.id
        assert (one.systems["model"].sums, other.systems["model"].sums) == (rouge(0.1), rouge(0.2))
        ids.append(one.id)
    return ids, pairs


@pytest.mark.parametrize(
    ("a", "b", "both", "only_a", "only_b"),
    [
        ([1, 2, 3], [1, 2, 3], [1, 2, 3], 0, 0),
        ([1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 3], 0, 2),
        ([1, 2, 3, 4], [1, 2], [1, 2], 2, 0),
        ([1, 2, 3, 4], [4, 3, 2, 1], [1, 2, 3, 4], 0, 0),
        ([1, 2, 3, 4, 5], [1, 2, 9, 5, 4], [1, 2, 4, 5], 1, 1),
        ([1, 2], [3, 4], [], 2, 2),
        ([], [1], [], 0, 1),
        ([1], [], [], 1, 0),
        # Ids that come twice are taken one after the other.
        ([1, 1, 2], [2, 1, 1], [1, 1, 2], 0, 0),
        ([1, 1, 2], [2, 1], [1, 2], 1, 0),
    ],
)
def test_papers_find_each_other(
    tmp_path: Path, a: list[int], b: list[int], both: list[int], only_a: int, only_b: int
) -> None:
    """In the same order, in another one, and where either file has more: in the order of the first file."""
    ids, pairs = paired(tmp_path, a, b)
    assert ids == [f"paper-{number}" for number in both]
    assert (pairs.papers, pairs.only_a, pairs.only_b, pairs.changed) == (len(both), only_a, only_b, 0)


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 2, 1]])
def test_a_paper_with_another_abstract_is_another_paper(tmp_path: Path, order: list[int]) -> None:
    """The same id with other words is neither compared nor lost."""
    a = write(tmp_path / "a.jsonl", [sample(number, rouge(0.1)) for number in (1, 2, 3)])
    others = {2: {"abstract": "We read river number 2 with a larger network."}}
    b = write(tmp_path / "b.jsonl", [sample(number, rouge(0.1), **others.get(number, {})) for number in order])
    pairs = Pairs(a, b)
    assert [one.id for one, _ in pairs] == ["paper-1", "paper-3"]
    assert (pairs.papers, pairs.only_a, pairs.only_b, pairs.changed) == (2, 0, 0, 1)


@pytest.mark.parametrize("broken", [0, 2])
def test_a_broken_line_is_told_with_its_place(tmp_path: Path, broken: int) -> None:
    """Whether read side by side or looked for, a line that is no sample is named with its number."""
    a = write(tmp_path / "a.jsonl", [sample(number, rouge(0.1)) for number in (1, 2, 3)])
    lines = [sample(number, rouge(0.1)).model_dump_json() for number in (1, 3, 2)]
    lines[broken] = '{"id": "paper-1"}'
    b = tmp_path / "b.jsonl"
    b.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"b.jsonl, line {broken + 1}"):
        list(Pairs(a, b))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """Both files have to be there."""
    a = write(tmp_path / "a.jsonl", [sample(1, rouge(0.1))])
    with pytest.raises(InputError, match="b.jsonl"):
        list(Pairs(a, tmp_path / "b.jsonl"))
    with pytest.raises(InputError, match="c.jsonl"):
        list(Pairs(tmp_path / "c.jsonl", a))


#: Prints the peak of what was allocated while two files were read side by side, the second time.
_READING = """
import sys, tracemalloc
from pathlib import Path
from evals.pairing import Pairs
a, b = map(Path, sys.argv[1:])
# Pydantic keeps the strings that it met last, up to a fixed number.
count = sum(1 for _ in Pairs(a, b))
tracemalloc.start()
assert sum(1 for _ in Pairs(a, b)) == count
print(count, tracemalloc.get_traced_memory()[1])
"""


def test_memory_does_not_grow_with_the_papers(tmp_path: Path) -> None:
    """In the same order nothing is kept of papers, and in another one some bytes of each, never the papers."""
    peaks = {}
    for count in (200, 2_000):
        numbers = range(count)
        a = write(tmp_path / f"a{count}.jsonl", [sample(number, rouge(0.1)) for number in numbers])
        b = write(tmp_path / f"b{count}.jsonl", [sample(number, rouge(0.1)) for number in reversed(numbers)])
        for name, other in (("same", a), ("other", b)):
            command = [sys.executable, "-c", _READING, str(a), str(other)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            read, peaks[name, count] = map(int, done.stdout.split())
            assert read == count
    assert peaks["same", 2_000] < peaks["same", 200] + 20_000
    assert peaks["other", 2_000] < peaks["other", 200] + 1_800 * 80
