"""No text, from a paper or a model, breaks a check or becomes markup; every record that is made can be verified."""

import json
import os
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from summarizer import Summarizer
from summarizer.completion import Completion
from summarizer.errors import AnswerError
from summarizer.parsing import parse
from summarizer.prompting import load_prompt, load_vocabulary
from summarizer.records import Paper, Record, Source, Tokens
from summarizer.settings import Settings
from summarizer.verification import Rules, verify_run
from summarizer.writing.html import render_html
from summarizer.writing.markdown import render_markdown

_CASES = int(os.environ.get("FUZZ_CASES", "60"))
_LIMITS = load_prompt("annotate").file.limits
_RULES = Rules(load_vocabulary())

#: Whatever has a meaning to a fold, a number, a template, a page or a terminal, between texts of any characters.
_PIECES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(
        [
            *(
                "79.7",
                "-3.5%",
                "10^{2}",
                "10\u00b2",
                "two-fold",
                "$x$",
                r"\times ",
                r"\textit{",
                "}",
                "\\",
                "&amp;",
                "&#0;",
            ),
            *("<sub>", "</script>", "<img src=x onerror=a()>", "<!--", "]]>", "{{x}}", "`", "|", "\n", "-\n", "\u00ad"),
            *("\u202e", "\ufb01", "e\u0301", "\u2013", "BrookNet", "GPT-4", " ", "a", "\x00", "\U000e0041", "\ud55c"),
        ]
    ),
)
_TEXTS = st.lists(_PIECES, max_size=14).map("".join)


@st.composite
def _cases(draw: st.DrawFn) -> tuple[Paper, dict[str, Any]]:
    """A paper, and an answer whose names and quotes are slices of it or anything else."""
    title, abstract = draw(_TEXTS), draw(_TEXTS.filter(lambda text: any(map(str.isalnum, text))))

    def words(longest: int) -> str:
        place = draw(st.integers(0, len(abstract)))
        cut = abstract[place : place + draw(st.integers(1, 30))]
        text = draw(st.sampled_from([cut, cut.upper(), f"{cut}7"])) if draw(st.booleans()) else draw(_TEXTS)
        return text[:longest].strip() or "x"

    def name() -> str:
        return words(_LIMITS.text)

    result = {
        "evidence": words(_LIMITS.evidence),
        "value": name(),
        "unit": draw(st.sampled_from(["", "%", "x", "points", "<b>"])),
        "metric": draw(st.sampled_from([None, name()])),
        "dataset": draw(st.sampled_from([None, name()])),
        "method": None,
        "baseline_value": draw(st.sampled_from([None, name()])),
        "kind": "absolute",
    }
    answer = {
        "tldr": words(_LIMITS.tldr),
        "contribution": "method",
        "field": "other",
        "modalities": [],
        "tasks": [name() for _ in range(2)],
        "methods": [{"name": name(), "role": "used"} for _ in range(2)],
        "datasets": [name(), name()],
        "metrics": [name()],
        "results": [result, result | {"value": name()}],
    }
    return Paper(id="p", title=title, abstract=abstract, source=Source(name="f", line=1)), answer


class _Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]


def _record(paper: Paper, text: str, folder: Path) -> Record:
    script = folder / "script.jsonl"
    script.write_text(json.dumps({"id": "*", "text": text}), encoding="utf-8")
    options = Settings(backend="scripted", script=script, cache=False, cache_dir=folder)
    (record,) = Summarizer(options).run([paper])
    return record


@settings(max_examples=_CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=_cases())
def test_any_paper_and_any_answer_make_a_record_that_holds(case: tuple[Paper, dict[str, Any]], tmp_path: Path) -> None:
    """Grounding never fails, what it says can be verified, and both digests show it without a foreign element."""
    paper, answer = case
    record = _record(paper, json.dumps(answer), tmp_path)
    assert list(verify_run([record], [paper], _RULES)) == []
    assert Record.model_validate_json(record.model_dump_json()) == record
    tags = _Tags(render_html([record], paper.title)).found
    assert not {"img", "iframe", "object", "sub"} & set(tags)
    assert (tags.count("script"), tags.count("style")) == (1, 1)
    assert "\x00" not in render_markdown([record], paper.title)


@settings(max_examples=_CASES, deadline=None)
@given(text=st.one_of(_TEXTS, _cases().map(lambda case: json.dumps(case[1])[: len(case[0].abstract) * 9])))
def test_any_text_of_a_model_is_an_answer_or_an_error(text: str) -> None:
    """Parsing ends in one of two ways."""
    completion = Completion(
        request_id="p", text=text, tokens=Tokens(), structured_mode="fuzz", seconds=0.0, created_at="2026-01-01"
    )
    kind = ""
    try:
        parse(completion, _RULES.closed, _LIMITS)
    except AnswerError as error:
        kind = error.kind
    assert kind in ("", "invalid_json", "schema_error")
