"""`summarizer compare`: is the second run better than the first, and do the gates hold?"""

from argparse import Namespace

from evals.comparing import compare
from evals.comparison_text import as_markdown, as_text
from evals.gates import find_gates, judge
from summarizer.extension import FAILURES, OK, say, write_whole


def call(options: Namespace) -> int:
    """Print the comparison; 1 when a gate breaks."""
    # A mistake in it shall not cost the time of a comparison.
    gates = find_gates(options.gates)
    comparison = compare(options.a, options.b, margin=options.margin, metric=options.metric, show=options.show)
    gated = judge(gates, comparison)
    if options.output:
        write_whole(options.output, as_markdown(gated))
    say(gated.model_dump_json() if options.json else as_text(gated))
    return FAILURES if gated.broken else OK
