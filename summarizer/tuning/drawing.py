"""Sentences that a model draws for a paper, several of each, so that the better ones can become likelier."""

import logging
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256

from summarizer.backends.local import LocalBackend
from summarizer.completion import Completion, Decoding, Request, never
from summarizer.errors import RequestError, SettingsError
from summarizer.lines import sentence_grammar
from summarizer.prompting import Renderer, load_prompt
from summarizer.records import Paper
from summarizer.settings import DEFAULT_LANGUAGE, Settings

_LOG = logging.getLogger(__name__)


class Drawer:
    """Draws `count` sentences for each paper beside the likeliest one, at the temperature of the settings."""

    def __init__(self, settings: Settings, count: int) -> None:
        """Find the model; nothing is loaded yet.

        `SettingsError` for a prompt that is not written in lines, and for a language, since what `tune` takes learns
        in that of the prompt.
        """
        prompt = load_prompt(settings.prompt or "lines")
        if prompt.file.form != "lines":
            raise SettingsError(f"--prompt {settings.prompt}: is written in JSON, and sentences are drawn in lines")
        if settings.language != DEFAULT_LANGUAGE:
            raise SettingsError(f"--language {settings.language}: sentences to learn from are in {DEFAULT_LANGUAGE}")
        self._settings, self._count, self._backend = settings, count, LocalBackend(settings)
        self._greedy = Decoding(max_tokens=settings.max_tokens)
        self._renderer = Renderer(prompt, DEFAULT_LANGUAGE, self._greedy, self._backend.identity)

    @property
    def name(self) -> str:
        """All that decides what is drawn for a paper: sentences with another name are others."""
        identity, settings, prompt = self._backend.identity, self._settings, self._renderer.prompt
        parts = (
            identity.model,
            identity.revision,
            identity.adapter,
            identity.dtype,
            identity.dialect,
            prompt.name,
            prompt.sha256[:16],
        )
        how = f"{self._count} at temperature {settings.temperature:g}, at most {settings.max_tokens} tokens, seed"
        return ", ".join((*filter(None, parts), f"{how} {settings.seed}"))

    def draw(
        self, papers: Iterable[Paper], stopping: Callable[[], bool] = never
    ) -> Iterator[tuple[Paper, tuple[str, ...]]]:
        """Yield each paper with its sentences, the likeliest first; those that did not come to an end are left out.

        A paper has none when the likeliest is one of these. Once `stopping()` is true, papers that are not complete
        are left out.
        """
        waiting: dict[str, Paper] = {}
        drawn: dict[str, dict[int, str]] = {}

        def requests() -> Iterator[Request]:
            for place, paper in enumerate(papers):
                waiting[str(place)], drawn[str(place)] = paper, {}
                yield from self._requests(place, paper)

        for outcome in self._backend.complete(requests(), stopping):
            place, _, number = outcome.request_id.partition("/")
            drawn[place][int(number)] = outcome.text.strip() if isinstance(outcome, Completion) else ""
            if isinstance(outcome, RequestError) and number == "0":
                _LOG.warning("no sentences for %s: %s", waiting[place].id, outcome)
            if len(drawn[place]) == self._count + 1:
                texts = drawn.pop(place)
                kept = tuple(texts[number] for number in sorted(texts) if texts[number]) if texts[0] else ()
                yield waiting.pop(place), kept

    def _requests(self, place: int, paper: Paper) -> Iterator[Request]:
        schema_text = sentence_grammar(self._renderer.prompt.file.limits)
        asked = self._renderer.request(paper).model_copy(update={"schema_text": schema_text})
        for number in range(self._count + 1):
            # By the paper and not by its place, so that a run that was stopped draws what one without a stop would.
            drawn_by = sha256(f"{self._settings.seed}/{paper.id}/{number}".encode()).digest()
            heat = self._settings.temperature if number else 0.0
            decoding = self._greedy.model_copy(update={"temperature": heat, "seed": int.from_bytes(drawn_by[:6])})
            yield asked.model_copy(update={"id": f"{place}/{number}", "decoding": decoding})
