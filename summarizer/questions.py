"""Questions of other packages, asked as papers are: one cache, one budget, the same retries and ways to hold a form."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from summarizer.backends import make_backend
from summarizer.cache import CachedBackend, Store, check_owner
from summarizer.completion import SUMMARY, Completion, Decoding, Identity, Message, Outcome, Request, never
from summarizer.errors import SettingsError
from summarizer.prompting import key_of
from summarizer.records import Frozen
from summarizer.settings import DEFAULT_LANGUAGE, Settings


class Question(Frozen):
    """Something that a model is asked. All but `id` and `prompt` can change the answer, and is in the key."""

    id: str
    """By which its outcome is known; unique among those that are asked at once. A script answers by it."""
    messages: tuple[Message, ...]
    """The last one is the user's, and has all that differs from question to question: prefix caches work on the rest.
    Texts of others belong between marks that they cannot write themselves."""
    schema_text: str
    """JSON Schema of the answer. Everything is required and nothing else allowed: strict modes take no other."""
    decoding: Decoding
    prompt: str
    """Name of the prompt, as people know it."""


class Asker:
    """Asks what the settings name, through the cache and within the budget."""

    def __init__(self, settings: Settings, stopping: Callable[[], bool] = never) -> None:
        """Open the cache; no model is loaded, and no server asked, before it is needed.

        Once `stopping()` is true nothing new is asked. `SettingsError` with `batch`, which is for papers.
        """
        if settings.batch:
            raise SettingsError("--batch: only papers are asked about in batches; leave it out here")
        check_owner(settings.cache_dir)
        self._stopping = stopping
        # The adapter that comes along has learned to summarize, and to answer no question.
        settings = settings.model_copy(update={"shipped_adapter": False})
        self._backend = make_backend(settings, stopping=stopping)
        if settings.cache:
            self._backend = CachedBackend(self._backend, Store(settings.cache_dir))

    @cached_property
    def identity(self) -> Identity:
        """What answers. A hosted backend may have to ask its server what it is."""
        return self._backend.identity

    def key(self, question: Question) -> str:
        """The key under which its answer is kept: SHA-256 of all that can change it."""
        return key_of(self.identity, question.messages, question.schema_text, question.decoding)

    def ask(self, questions: Iterable[Question]) -> Iterator[Outcome]:
        """Yield one outcome for each question begun, in any order, with its id; see `completion.Backend`.

        Questions are pulled as they are needed. `SettingsError` for a model that only summarizes; what concerns all
        questions (no model, a wrong key, the end of the budget) is raised as for papers.
        """
        for outcome in self._backend.complete(map(self._request, questions), self._stopping):
            if isinstance(outcome, Completion) and outcome.structured_mode == SUMMARY:
                raise SettingsError(f"{self.identity.model}: only writes summaries; --model has to take instructions")
            yield outcome

    def _request(self, question: Question) -> Request:
        return Request(
            id=question.id,
            key=self.key(question),
            messages=question.messages,
            schema_text=question.schema_text,
            decoding=question.decoding,
            title="",
            abstract="",
            prompt=question.prompt,
            language=DEFAULT_LANGUAGE,
        )
