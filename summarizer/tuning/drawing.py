"""Sentences that a model draws for a paper, several of each, so that the better ones can become likelier."""

from collections.abc import Callable, Iterable, Iterator

from summarizer.backends.local import LocalBackend
from summarizer.completion import Completion, Decoding, Request, never
from summarizer.errors import SettingsError
from summarizer.lines import sentence_grammar
from summarizer.prompting import Renderer, load_prompt
from summarizer.records import Paper
from summarizer.settings import DEFAULT_LANGUAGE, Settings


def draw_sentences(
    settings: Settings, papers: Iterable[Paper], count: int, stopping: Callable[[], bool] = never
) -> Iterator[tuple[Paper, tuple[str, ...]]]:
    """Yield each paper with its likeliest sentence and `count` drawn ones, those alone that came to an end.

    They are drawn at the temperature of the settings, by their seed and the place of the paper. Once `stopping()` is
    true, papers that are not complete are left out. `SettingsError` for a prompt that is not written in lines.
    """
    prompt = load_prompt(settings.prompt or "lines")
    if prompt.file.form != "lines":
        raise SettingsError(f"--prompt {settings.prompt}: is written in JSON, and sentences are drawn in lines")
    backend = LocalBackend(settings)
    greedy = Decoding(max_tokens=settings.max_tokens)
    renderer = Renderer(prompt, DEFAULT_LANGUAGE, greedy, backend.identity)
    schema_text = sentence_grammar(prompt.file.limits)
    waiting: dict[str, Paper] = {}
    drawn: dict[str, dict[int, str]] = {}

    def requests() -> Iterator[Request]:
        for place, paper in enumerate(papers):
            asked = renderer.request(paper).model_copy(update={"schema_text": schema_text})
            waiting[str(place)], drawn[str(place)] = paper, {}
            for number in range(count + 1):
                seed = settings.seed + place * (count + 1) + number
                decoding = greedy.model_copy(
                    update={"temperature": settings.temperature if number else 0, "seed": seed}
                )
                yield asked.model_copy(update={"id": f"{place}/{number}", "decoding": decoding})

    for outcome in backend.complete(requests(), stopping):
        place, _, number = outcome.request_id.partition("/")
        drawn[place][int(number)] = outcome.text.strip() if isinstance(outcome, Completion) else ""
        if len(drawn[place]) == count + 1:
            texts = drawn.pop(place)
            yield waiting.pop(place), tuple(texts[number] for number in sorted(texts) if texts[number])
