"""Invented papers that come with the program, labelled in full: what is broken shows before anything is downloaded.

They are of no field in particular and full of traps, which the `note` of each line names. A score on them says that a
reader works; how good it is on the papers of a field, papers of that field say.
"""

from evals.suites import gold
from evals.suites.suite import Suite

SUITE = Suite(
    name="smoke",
    about="invented papers with traps, written for this project",
    licence="Apache-2.0",
    origin="this project, evals/suites/smoke.jsonl",
    files={},
    read=gold.read,
    parts=("summary", "names", "contribution", "results"),
    shipped="smoke.jsonl",
)
