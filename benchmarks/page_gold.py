"""Labels of contributions and results for sixty papers of a page, as a file of gold for `summarizer eval`.

`page_labels.jsonl` has no texts: each line is found by the SHA-256 of the title that the page has. Two annotators read
the abstracts without seeing each other's labels; they agreed on 59 of 60 contributions and on all 34 values, and what
they did not agree on (7 parts of results) was decided by reading again.

Usage: python benchmarks/page_gold.py PAGE OUTPUT.jsonl
"""

import argparse
import json
from hashlib import sha256
from pathlib import Path

from evals.suites.gold import GoldPaper, gold_line
from summarizer import Paper, read_papers

LABELS = Path(__file__).parent / "page_labels.jsonl"


def main() -> None:
    """Write the papers that are labelled, with their labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("page", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    papers = {
        sha256(item.title.encode()).hexdigest(): item
        for item in read_papers(str(options.page))
        if isinstance(item, Paper)
    }
    lines, missing = [], 0
    for labels in map(json.loads, LABELS.read_text(encoding="utf-8").splitlines()):
        paper = papers.get(labels.pop("title_sha256"))
        if paper is None:
            missing += 1
        else:
            lines.append(gold_line(GoldPaper(id=paper.id, title=paper.title, abstract=paper.abstract, **labels)))
    options.output.write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} papers with labels, {missing} of the labelled ones are not on the page")


if __name__ == "__main__":
    main()
