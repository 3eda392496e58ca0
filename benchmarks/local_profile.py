"""Where the time goes while the embedded model answers, by Python's own profiler; loading is not in it.

Usage: python benchmarks/local_profile.py PAPERS [--dtype int8] [--slots 32] [--limit N]
"""

import argparse
import cProfile
import pstats
from pathlib import Path

from summarizer import read_papers
from summarizer.backends.local import LocalBackend
from summarizer.completion import Completion, Decoding, Identity
from summarizer.prompting import Renderer, load_prompt
from summarizer.records import Paper
from summarizer.settings import Settings

ARGMAX, BEST = "built-in.argmax", "constraint.best"
#: What is told, as a name and the functions whose time it is, each with the last part of its file. The likeliest token
#: is looked for without a form, too (a second time, among those that fit, for the few rows where it does not).
PARTS = (
    ("reading prompts", ("slots.read",)),
    ("writing tokens", ("slots.advance",)),
    ("products", ("eight_bits.__call__",)),
    ("attention", ("llama._attend",)),
    ("turning by position", ("llama._turned",)),
    ("norms", ("llama._factor",)),
    ("keys and values put away", ("slots.update",)),
    ("the form: grammar of each paper", ("constraint.matcher",)),
    ("the likeliest token", (ARGMAX,)),
    ("the form: whether that fits, or which one does", (BEST,)),
    ("the form: state of each answer", ("built-in.consume_token", "built-in.is_stopped")),
)


def main() -> None:
    """Answer twice, the second time watched, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("papers", type=Path)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    backend = LocalBackend(Settings.model_validate({"dtype": options.dtype, "batch_size": options.slots}))
    renderer = Renderer(
        load_prompt("lines"), "English", Decoding(max_tokens=640), Identity(backend="local", model="any")
    )
    papers = [one for one in read_papers(options.papers, limit=options.limit) if isinstance(one, Paper)]
    requests = [renderer.request(paper) for paper in papers]
    list(backend.complete(requests[:1]))
    profile = cProfile.Profile()
    outcomes = profile.runcall(list, backend.complete(requests))
    answers = [one for one in outcomes if isinstance(one, Completion)]
    found = pstats.Stats(profile)
    whole = found.total_tt  # type: ignore[attr-defined]
    prompt, written = (sum(getattr(one.tokens, kind) for one in answers) for kind in ("prompt", "completion"))
    print(f"{len(answers)} of {len(papers)} answers in {whole:.1f} s, {60 * len(answers) / whole:.1f} a minute;")
    print(f"{prompt / len(answers):.0f} tokens read and {written / len(answers):.0f} written for each\n")
    print("| what | share | ms for each token written |\n| --- | ---: | ---: |")
    taken = _taken(found)
    taken[BEST] = taken.get(BEST, 0.0) - taken.get(ARGMAX, 0.0)
    for name, functions in PARTS:
        seconds = sum(taken.get(function, 0.0) for function in functions)
        print(f"| {name} | {seconds / whole:.1%} | {1000 * seconds / written:.3f} |")


def _taken(found: pstats.Stats) -> dict[str, float]:
    """Seconds in each function with all that it calls."""
    taken: dict[str, float] = {}
    for (file, _, name), (_, _, _, cumulative, _) in found.stats.items():  # type: ignore[attr-defined]
        module = "built-in" if file == "~" else Path(file).stem
        # Built-in methods are named like <method 'consume_token' of 'LLMatcher' objects>.
        short = name.split("'")[1] if file == "~" and "'" in name else name
        key = f"{module}.{short}"
        taken[key] = taken.get(key, 0.0) + cumulative
    return taken


if __name__ == "__main__":
    main()
