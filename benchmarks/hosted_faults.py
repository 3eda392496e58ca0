"""What does the hosted backend make of a server that breaks three answers in ten, kills, limits and budgets?

    python -m benchmarks.hosted_faults

Every line is a run against the server of the tests, a process of its own. Prints a Markdown table; takes an hour.
"""

import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from summarizer import Summarizer, read_records
from summarizer.backends.hosted import HostedBackend
from summarizer.errors import BudgetError
from tests.hosted_runs import QUICK, command, papers, settings, tally, write_papers
from tests.llm_model import Json
from tests.llm_server import Served, serving

#: Seconds of a run against a limit.
_LONG = 90.0
#: US dollars, at one for a million tokens of a prompt and four of an answer; a third of what the papers need.
_MOST = 0.25


def main() -> None:
    """Measure and print one line for each run."""
    print("| run | figures |\n| --- | --- |")
    for name, measure in _parts():
        with tempfile.TemporaryDirectory() as folder:
            print(f"| {name} | {measure(Path(folder))} |", flush=True)


def _parts() -> Iterator[tuple[str, Callable[[Path], str]]]:
    yield "10,000 rows, 30 % faults", lambda folder: faults(folder, 10_000)
    yield "1,000 rows, 5 kills", lambda folder: kills(folder, 1000, 0.0)
    yield "1,000 rows, 5 kills, 30 % faults", lambda folder: kills(folder, 1000, 0.3)
    for limit in ({"tpm": 600_000}, {"rpm": 3000}):
        for burst in (60.0, 1.0):
            for tell in (True, False):
                behaviour = {**limit, "burst": burst, "tell_limits": tell}
                name = ", ".join(f"{key} {value}" for key, value in behaviour.items())
                yield name, lambda folder, behaviour=behaviour: rates(folder, behaviour)  # type: ignore[misc]
    yield "50 budgets, 30 % faults", lambda folder: budgets(folder, 50)
    for count in (5000, 100_000):
        yield f"{count:,} rows without cache", lambda folder, count=count: memory(folder, count)  # type: ignore[misc]


def faults(folder: Path, count: int) -> str:
    """Rows by what became of them."""
    write_papers(folder / "papers.jsonl", count)
    with serving(faults=0.3, latency=0.05) as server:
        seconds, found = _finish(folder, server, count)
        return f"{seconds:.0f} s, {server.stats()['counts']['requests']} requests; {found}"


def kills(folder: Path, count: int, share: float) -> str:
    """Requests that were made more often than once."""
    write_papers(folder / "papers.jsonl", count)
    with serving(faults=share, latency=0.05) as server:
        for number in range(5):
            with subprocess.Popen(command(server.url, "--quiet"), cwd=folder) as process:
                while server.stats()["counts"].get("requests", 0) < (number + 1) * count / 8:
                    time.sleep(0.02)
                process.kill()
        _, found = _finish(folder, server, count)
        good = server.stats()["answered"]
        twice = sum(times - 1 for times in good.values() if times > 1)
        return f"{sum(server.stats()['asked'].values())} asked, {twice} good answers made again; {found}"


def _finish(folder: Path, server: Served, count: int) -> tuple[float, str]:
    began = time.monotonic()
    subprocess.run(command(server.url, "--quiet"), cwd=folder, check=False)
    found = tally(read_records(folder / "out.jsonl"), count)
    return time.monotonic() - began, ", ".join(f"{kind} {number}" for kind, number in found.most_common())


def rates(folder: Path, behaviour: Json) -> str:
    """What was let through of what was allowed, and what was refused."""
    with serving(latency=0.2, **behaviour) as server:
        chosen = settings(server.url, folder, concurrency=256, cache=False, timeout=60.0)
        end = time.monotonic() + _LONG
        for _ in Summarizer(chosen, HostedBackend(chosen), lambda: time.monotonic() > end).run(papers(10**6)):
            pass
        stats = server.stats()
    limited, requests = stats["counts"].get("limited", 0), stats["counts"]["requests"]
    minutes = (stats["seconds"] + behaviour["burst"]) / 60
    used = stats["prompt_tokens"] + stats["completion_tokens"] if "tpm" in behaviour else requests - limited
    share = used / (minutes * behaviour.get("tpm", behaviour.get("rpm")))
    return f"{share:.1%} of what was allowed in {stats['seconds']:.0f} s, {limited} of {requests} refused"


def budgets(folder: Path, seeds: int) -> str:
    """The highest bill as a share of the limit, and how many good answers were asked again."""
    shares, again = list[float](), 0
    for seed in range(seeds):
        own = folder / str(seed)
        own.mkdir()
        with serving(faults=0.3, seed=seed, latency=0.01) as server:
            chosen = settings(server.url, own, timeout=0.5, prices={"m": {"input": 1.0, "output": 4.0}})
            limited = chosen.model_copy(update={"max_cost": _MOST})
            with suppress(BudgetError):
                list(Summarizer(limited, HostedBackend(limited, QUICK)).run(papers(400)))
                raise AssertionError("the budget did not end the run")
            before = server.stats()
            shares.append((before["prompt_tokens"] + 4 * before["completion_tokens"]) / 1e6 / _MOST)
            tally(Summarizer(chosen, HostedBackend(chosen, QUICK)).run(papers(400)), 400)
            after = server.stats()["asked"]
            again += sum(after[one] > before["asked"][one] for one in before["answered"])
    return f"at most {max(shares):.1%} of the limit billed, on average {sum(shares) / seeds:.1%}; {again} asked again"


def memory(folder: Path, count: int) -> str:
    """The peak of resident memory, of this process so far."""
    with serving() as server:
        chosen = settings(server.url, folder, cache=False, timeout=60.0)
        began = time.monotonic()
        rows = sum(1 for _ in Summarizer(chosen, HostedBackend(chosen)).run(papers(count)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{rows} records in {time.monotonic() - began:.0f} s, peak {peak:.0f} MiB"


if __name__ == "__main__":
    main()
