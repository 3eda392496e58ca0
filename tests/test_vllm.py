"""`--engine vllm`: the same answers from another engine, here a double with its interface."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from summarizer import Settings, Summarizer
from summarizer.backends.local import LocalBackend
from summarizer.completion import Completion, Request
from summarizer.errors import ModelError, RequestError, SettingsError
from summarizer.records import Paper, Record, Source
from tests.test_lora import save_adapter
from tests.tiny_models import save_decoder

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture
def _engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(Path(__file__).parent / "doubles")
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "vllm"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights."""
    return save_decoder(tmp_path_factory.mktemp("base"), "Llama")


@pytest.mark.usefixtures("_engine")
def test_what_nobody_waits_for_any_more_answers_nothing_else(base: Path) -> None:
    """A run that ends early leaves its requests in the engine, and another one begins with the same numbers."""
    settings = Settings(model=str(base), engine="vllm", device="cpu", dtype="float32", max_tokens=60, cache=False)
    summarizer = Summarizer(settings.model_copy(update={"prompt": "lines"}))
    expected = said(list(summarizer.run(papers(5))))
    for _ in zip(range(2), summarizer.run(papers(5)[::-1]), strict=False):
        pass
    assert said(list(summarizer.run(papers(5)))) == expected


def papers(number: int) -> list[Paper]:
    """Papers of different lengths."""
    return [
        Paper(
            id=str(at), title=f"Tides {at}", abstract="Water rises. " * (at + 1), source=Source(name="t", line=at + 1)
        )
        for at in range(number)
    ]


def run(base: Path, engine: str, **more: object) -> list[Record]:
    """Records of five papers."""
    given = {
        "model": str(base),
        "engine": engine,
        "device": "cpu",
        "dtype": "float32",
        "max_tokens": 60,
        "cache": False,
    }
    return list(Summarizer(Settings.model_validate(given | more)).run(papers(5)))


def said(records: list[Record]) -> list[tuple[object, ...]]:
    """What does not depend on the engine."""
    return [(one.id, one.tldr, one.methods, one.failure and (one.failure.kind, one.failure.raw)) for one in records]


@pytest.mark.usefixtures("_engine")
@pytest.mark.parametrize("prompt", ["lines", "compact"])
def test_answers_are_those_of_torch(base: Path, prompt: str) -> None:
    """Held to lines and to a schema, the same model writes the same."""
    assert said(run(base, "vllm", prompt=prompt)) == said(run(base, "torch", prompt=prompt))


@pytest.mark.usefixtures("_engine")
def test_a_paper_that_the_engine_refuses_fails_alone(base: Path, make_request: Callable[..., Request]) -> None:
    """One whose form it cannot hold an answer to; those beside it are answered."""
    backend = LocalBackend(Settings(model=str(base), engine="vllm", device="cpu", dtype="float32", batch_size=3))
    forms = ['{"enum": ["a"]}', '{"type": "string", "pattern": "(?=a)b"}', '{"enum": ["b"]}']
    requests = [make_request(str(at), schema_text=form) for at, form in enumerate(forms)]
    first, second, third = sorted(backend.complete(requests), key=lambda outcome: outcome.request_id)
    assert isinstance(second, RequestError)
    assert second.kind == "rejected"
    assert [one.text for one in (first, third) if isinstance(one, Completion)] == ['"a"', '"b"']


@pytest.mark.usefixtures("_engine")
def test_an_adapter_is_given_to_the_engine(base: Path, tmp_path: Path) -> None:
    """It changes the answers as it does with torch."""
    folder = save_adapter(base, tmp_path / "rivers")
    plain, tuned, expected = (
        said(run(base, engine, prompt="lines", adapter=adapter))
        for engine, adapter in (("vllm", None), ("vllm", folder), ("torch", folder))
    )
    assert tuned == expected
    assert tuned != plain


@pytest.mark.usefixtures("_engine")
def test_an_adapter_of_too_high_a_rank_is_refused(base: Path, tmp_path: Path) -> None:
    """Before the model is loaded, with what the engine takes."""
    folder = save_adapter(base, tmp_path / "rivers", r=600)
    with pytest.raises(ModelError, match="its rank is 600, and vLLM takes at most 512"):
        run(base, "vllm", prompt="lines", adapter=folder)


def test_without_vllm_it_is_said_how_to_get_it(base: Path) -> None:
    """It is no requirement of the package."""
    with pytest.raises(SettingsError, match="pip install vllm"):
        run(base, "vllm")


def test_answers_of_another_engine_have_another_key(base: Path) -> None:
    """Its kernels round in other ways, so an answer of the other is no answer of this one."""
    settings = Settings(model=str(base), device="cpu", dtype="float32")
    assert LocalBackend(settings).identity != LocalBackend(settings.model_copy(update={"engine": "vllm"})).identity
