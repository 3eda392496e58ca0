"""What a run would take is said before it, and holds."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from summarizer import read_papers
from summarizer.backends import make_backend
from summarizer.cache import Store
from summarizer.cli import main
from summarizer.ledger import Usage
from summarizer.pipeline import Summarizer
from summarizer.planning import Work, estimate, look
from summarizer.prices import Price
from summarizer.settings import Settings
from tests.llm_server import serving

Write = Callable[[str, str], Path]

_PRICES = '[prices."m"]\ninput = 1.0\ncached_input = 0.1\noutput = 4.0\n'


def _papers(count: int) -> str:
    words = "Estuaries silt up over the years and gauges drift with them, which no model of today accounts for."
    lines = [
        {
            "id": f"p{number}",
            "title": f"Paper {number}",
            "abstract": f"Estuary {number} is deep. {words * (number % 7)}",
        }
        for number in range(count)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_after_fifty_answers_the_plan_is_right(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once fifty papers are answered, what the server bills for the others is within 15 % of what was planned."""
    monkeypatch.chdir(tmp_path)
    papers, out = str(write("papers.jsonl", _papers(250))), str(tmp_path / "out.jsonl")
    write("summarizer.toml", _PRICES)
    with serving() as server:
        common = [
            "--backend",
            "hosted",
            "--model",
            "m",
            "--base-url",
            server.url,
            "--cache-dir",
            str(tmp_path / "cache"),
        ]
        assert main(["run", papers, "-o", out, "--limit", "50", *common]) == 0
        before = server.stats()
        capsys.readouterr()
        assert main(["plan", papers, "--json", *common]) == 0
        assert server.stats()["counts"]["requests"] == before["counts"]["requests"]  # it sends nothing
        planned = json.loads(capsys.readouterr().out)
        assert main(["plan", papers, *common]) == 0
        told = capsys.readouterr().out
        assert main(["run", papers, "-o", out, *common]) == 0
        after = server.stats()
    assert (planned["papers"], planned["cached"], planned["asked"], planned["measured"]) == (250, 50, 200, 50)
    for kind in ("prompt_tokens", "completion_tokens"):
        billed = after[kind] - before[kind]
        assert abs(planned[kind]["expected"] - billed) < 0.15 * billed
        assert planned[kind]["least"] < billed < planned[kind]["most"]
    assert planned["batch_cost"]["expected"] == pytest.approx(planned["cost"]["expected"] / 2)
    assert "to ask     200" in told
    assert "Measured on 50 questions" in told
    assert f"about ${planned['cost']['expected']:,.4f}" in told


def test_without_measure_the_plan_is_an_estimate(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything was asked a range comes from the lengths, an unknown price is said, and no key is needed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    papers = str(write("papers.jsonl", _papers(30) + _papers(1) + '{"id": "none", "title": "No abstract"}\n'))
    options = ["--backend", "hosted", "--model", "somebody's", "--base-url", "https://models.example/v1"]
    assert main(["plan", papers, *options, "--cache-dir", str(tmp_path / "cache")]) == 0
    told = capsys.readouterr().out
    assert "not asked  2" in told
    assert "to ask     30" in told
    assert 'the price of "somebody\'s" is not known' in told
    assert "Estimated from lengths" in told
    assert "time" not in told


def test_a_plan_for_another_tier_of_service_has_no_listed_price(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is about the standard tier, and the plan does not take its prices for another one."""
    monkeypatch.chdir(tmp_path)
    command = ["plan", str(write("papers.jsonl", _papers(3))), "--backend", "hosted", "--model", "gpt-6-luna"]
    assert main([*command, "--cache-dir", str(tmp_path / "cache")]) == 0
    assert "cost         about $" in capsys.readouterr().out
    write("summarizer.toml", 'extra_body = { service_tier = "priority" }')
    assert main([*command, "--cache-dir", str(tmp_path / "cache")]) == 0
    assert "the price of 'gpt-6-luna' is not known" in capsys.readouterr().out


def test_what_is_stored_costs_nothing(write: Write, tmp_path: Path) -> None:
    """Answers of the cache, duplicates and papers without an abstract are no work."""
    settings = Settings(backend="scripted", cache_dir=tmp_path / "cache")
    text = _papers(5) + _papers(1) + '{"id": "none", "title": "No abstract"}\n'
    papers = write("papers.jsonl", text)
    for _ in Summarizer(settings).run(read_papers(papers, limit=3)):
        pass
    summarizer = Summarizer(settings.model_copy(update={"cache": False}), make_backend(settings, asks=False))
    work = look(summarizer, read_papers(papers), Store(settings.cache_dir))
    assert (work.papers, work.unasked, work.cached, work.asked) == (7, 2, 3, 2)


def test_second_rounds_and_the_providers_cache_are_planned() -> None:
    """A share of questions that was asked again will be again, and what the provider's cache had is cheaper."""
    usage = Usage(first=50, second=25, size=50_000, prompt=20_000, cached_prompt=10_000, completion=5_000, seconds=150)
    settings = Settings(backend="hosted", model="m", concurrency=10)
    planned = estimate(Work(papers=100, size=100_000), usage, settings, Price(input=1.0, cached_input=0.5, output=2.0))
    assert planned.calls == 150
    assert (planned.prompt_tokens.expected, planned.completion_tokens.expected) == (40_000, 10_000)
    assert planned.cost is not None
    assert planned.cost.expected == pytest.approx((20_000 * 1.0 + 20_000 * 0.5 + 10_000 * 2.0) / 1e6)
    assert planned.seconds == pytest.approx(150 * 2.0 / 10)
    limited = settings.model_copy(update={"tokens_per_minute": 1000.0})
    assert estimate(Work(papers=100, size=100_000), usage, limited, None).seconds == pytest.approx(60 * 50)


def test_a_run_stops_at_its_budget_and_goes_on(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the limit a run exits with 3, says how to go on and what it cost; going on asks only the rest."""
    monkeypatch.chdir(tmp_path)
    papers, out = str(write("papers.jsonl", _papers(40))), str(tmp_path / "out.jsonl")
    write("summarizer.toml", _PRICES.replace("cached_input = 0.1\n", ""))
    with serving() as server:
        command = ["run", papers, "-o", out, "--backend", "hosted", "--model", "m", "--base-url", server.url]
        command += ["--cache-dir", str(tmp_path / "cache"), "--concurrency", "4"]
        assert main([*command, "--max-cost", "0.03"]) == 3
        told = capsys.readouterr().err
        assert "the budget of $0.03 leaves no room" in told
        assert "To spend as much once more: summarizer run" in told
        assert "from the provider's cache" in told
        first = server.stats()
        assert (first["prompt_tokens"] * 1.0 + first["completion_tokens"] * 4.0) / 1e6 <= 0.03
        assert main(command) == 0
        assert max(server.stats()["billed"].values()) == 1
    assert len(Path(out).read_text().splitlines()) == 40
