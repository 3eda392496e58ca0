"""`summarizer plan`: what a run would send, cost and take. Sends nothing."""

from argparse import Namespace

from summarizer.backends import make_backend
from summarizer.backends.endpoint import Endpoint
from summarizer.commands import OK, read_inputs, settings_of
from summarizer.console import say, show_log
from summarizer.pipeline import Summarizer
from summarizer.planning import Plan, Range, plan
from summarizer.settings import Settings


def call(options: Namespace) -> int:
    """Print the plan; always 0."""
    settings = settings_of(options)
    show_log(quiet=False)
    is_hosted = settings.backend == "hosted"
    price = Endpoint(settings).price if is_hosted else None
    # A limit on the cost is for a run; without a price it would be refused here too.
    backend = make_backend(settings.model_copy(update={"max_cost": None}), asks=False)
    summarizer = Summarizer(settings.model_copy(update={"cache": False}), backend)
    planned = plan(summarizer, read_inputs(options.inputs, settings, options), settings, price)
    say(planned.model_dump_json() if options.json else "\n".join(_lines(planned, settings, is_hosted=is_hosted)))
    return OK


def _lines(planned: Plan, settings: Settings, *, is_hosted: bool) -> list[str]:
    lines = [f"papers       {planned.papers:,}"]
    lines += [f"  answered   {planned.cached:,} are in the cache and cost nothing"] if planned.cached else []
    lines += [f"  not asked  {planned.unasked:,} without an abstract, unreadable, or twice"] if planned.unasked else []
    lines.append(f"  to ask     {planned.asked:,}")
    if not planned.asked:
        return lines
    again = planned.calls - planned.asked
    mending = f", of them {again:,.0f} to mend answers" if again >= 0.5 else ""
    lines.append(f"calls        {planned.calls:,.0f}{mending}")
    lines.append(f"tokens in    {_range(planned.prompt_tokens)}")
    lines.append(f"tokens out   {_range(planned.completion_tokens)}; one answer has at most {settings.max_tokens:,}")
    if planned.cost is not None and planned.batch_cost is not None:
        lines.append(f"cost         {_dollars(planned.cost)}; as a batch {_dollars(planned.batch_cost)}")
    elif is_hosted:
        lines.append(f"cost         the price of {settings.model!r} is not known (see `prices` in docs/settings.md)")
    if planned.seconds is not None:
        at_once = f", {settings.concurrency} at once" if is_hosted else ""
        lines.append(f"time         about {_time(planned.seconds)}{at_once}")
    if planned.measured:
        lines.append(f"Measured on {planned.measured:,} questions like these. Attempts that fail come on top.")
    else:
        lines.append("Estimated from lengths: run with --limit 50 first, and the next plan is measured.")
    return lines


def _range(tokens: Range) -> str:
    return f"about {tokens.expected:,.0f} ({tokens.least:,.0f} to {tokens.most:,.0f})"


def _dollars(cost: Range) -> str:
    return f"about ${cost.expected:,.4f} (${cost.least:,.4f} to ${cost.most:,.4f})"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
