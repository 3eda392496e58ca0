"""What a person sees while a run goes on: a live line on a terminal, plain lines elsewhere."""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from summarizer.errors import RequestError
from summarizer.records import Record, Tokens
from summarizer.writing.harmless import visible

if TYPE_CHECKING:
    from rich.progress import Progress as Live
    from rich.progress import TaskID

#: Seconds between two plain lines.
_PACE = 10.0

#: Kinds of failure for which there is no paper to ask about, each with the reason.
UNASKED = {
    "unreadable": "the input is broken at the line that the record names; mend it and run again with --overwrite",
    "no_abstract": "there is nothing to read",
    "duplicate": "the paper stands earlier in the input",
}
#: All others, each with what to do about it.
ASKED = RequestError.KINDS | {
    "invalid_json": "try another prompt or a larger model",
    "schema_error": "try another prompt or a larger model",
    "no_outcome": "a defect of the backend; ask again",
}


class Progress:
    """Counts the records of a run and shows the counts on standard error. Use it as a context manager."""

    def __init__(
        self,
        total: int | None,
        quiet: bool = False,
        stream: TextIO | None = None,
        retry: str | None = None,
        longest: int | None = None,
    ) -> None:
        """`total` is the number of inputs, when it is known; `stream` is standard error unless given.

        `retry` is the command that asks again about the records, to which `--only KIND` is added; `longest` is the
        longest answer in tokens, of which those that were cut off get twice as much.
        """
        self._total, self._quiet, self._stream = total, quiet, stream or sys.stderr
        self._retry, self._longest = retry, longest
        self._began = self._last = time.monotonic()
        self.statuses: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.kept = self._kept_failed = self._cached = 0
        self._tokens, self._cost = Tokens(), 0.0
        self._costs_known = True
        self._live: Live | None = None
        self._task: TaskID | None = None

    def counting(self, records: Iterable[Record]) -> Iterator[Record]:
        """Pass on records that were there before, counted."""
        for record in records:
            self.kept += 1
            self._kept_failed += record.status == "failed"
            self._count(record)
            yield record

    def add(self, record: Record) -> None:
        """Count one record that was made now."""
        self._count(record)
        if record.provenance is not None:
            self._cached += record.provenance.cached
            if not record.provenance.cached:
                self._tokens += record.provenance.tokens
                self._cost += record.provenance.cost_usd or 0.0
                self._costs_known = self._costs_known and record.provenance.cost_usd is not None
        if self._live is None and not self._quiet and time.monotonic() - self._last >= _PACE:
            self._last = time.monotonic()
            self._say(f"{self.done} of {self._total or '?'} papers: {self._counts()}")

    def _count(self, record: Record) -> None:
        self.statuses[record.status] += 1
        if record.failure is not None:
            self.failures[record.failure.kind] += 1
        if self._live is not None and self._task is not None:
            self._live.update(self._task, advance=1, counts=self._counts())

    @property
    def done(self) -> int:
        """How many records there were."""
        return self.statuses.total()

    def summary(self) -> str:
        """The last lines: how many of each status, and for every kind of failure what to do."""
        seconds = time.monotonic() - self._began
        statuses = ", ".join(f"{self.statuses[name]} {name}" for name in ("ok", "partial", "failed", "skipped"))
        lines = [f"{self.done} paper{'' if self.done == 1 else 's'} in {seconds:.1f} s: {statuses}"]
        if self.kept:
            again = f", of them {self._kept_failed} failed and not asked again" if self._kept_failed else ""
            lines.append(f"  in the output already: {self.kept}{again}")
        lines += [f"  from the cache: {self._cached}"] if self._cached else []
        lines += [f"  tokens: {self._spent()}"] if self._tokens.prompt else []
        lines += [f"  {count} x {kind}: {self._advice(kind)}" for kind, count in self.failures.items()]
        return "\n".join(lines)

    def _spent(self) -> str:
        tokens = self._tokens
        parts = [f"{tokens.prompt:,} in"]
        parts += [f"of them {tokens.cached_prompt:,} from the provider's cache"] if tokens.cached_prompt else []
        parts.append(f"{tokens.completion:,} out")
        parts += [f"of them {tokens.reasoning:,} thoughts"] if tokens.reasoning else []
        if self._cost:
            parts.append(f"${self._cost:.4f}" + ("" if self._costs_known else " for those whose price is known"))
        return ", ".join(parts)

    def _advice(self, kind: str) -> str:
        # No other kind is put into a command: it would be the words of the file.
        more = f" --max-tokens {2 * self._longest}" if kind == "truncated" and self._longest else ""
        again = f"; `{self._retry} --only {kind}{more}`" if self._retry and kind in ASKED else ""
        return (ASKED | UNASKED).get(kind, "see the record") + again

    def _counts(self) -> str:
        failed = self.statuses["failed"]
        rate = self._tokens.completion / max(time.monotonic() - self._began, 1e-9)
        cost = f", ${self._cost:.2f}" if self._cost else ""
        return f"{self.done} done, {self._cached} cached, {failed} failed, {rate:.0f} tokens/s{cost}"

    def _say(self, line: str) -> None:
        print(visible(line), file=self._stream, flush=True)

    def __enter__(self) -> Self:
        if not self._quiet and self._stream.isatty():
            # rich takes a tenth of a second to import, for which only a terminal has a use.
            from rich import progress  # noqa: PLC0415
            from rich.console import Console  # noqa: PLC0415

            self._live = progress.Progress(
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TextColumn("{task.fields[counts]}"),
                progress.TimeElapsedColumn(),
                progress.TimeRemainingColumn(),
                console=Console(file=self._stream),
                transient=True,
            )
            self._live.start()
            self._task = self._live.add_task("papers", total=self._total, counts="starting")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        if not self._quiet and kind is None:
            self._say(self.summary())
