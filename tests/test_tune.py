"""Training: what people wrote is learned, what nobody labelled is not, and a stop costs nothing."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

from evals.choices import best, fingerprint, likeness, read_drawn, weigh, with_best, with_worths
from evals.examples import Example, Gold, GoldName
from evals.lessons import lessons_of
from evals.suites import load_suite
from summarizer import Settings, Summarizer, read_papers
from summarizer.backends.lora import WEIGHTS
from summarizer.cli import main
from summarizer.completion import Decoding, Identity
from summarizer.errors import ModelError, RequestError, SettingsError
from summarizer.prompting import Renderer, load_prompt
from summarizer.records import Paper
from summarizer.tuning import policy
from summarizer.tuning.lessons import IGNORED, Lesson, Teacher, Tokens, Weighed
from summarizer.tuning.losses import MOST_TOKENS
from summarizer.tuning.recipe import Origin, Recipe
from summarizer.tuning.training import Training
from summarizer.tuning.tune import taught
from tests.tiny_models import save_causal, save_decoder, save_tokenizer

_END = 0
_ORIGIN = Origin(base="base", revision="main", dtype="float32", prompt="lines/v2", prompt_sha256="0")
_RECIPE = Recipe(rank=8, alpha=16, learning_rate=1e-2, batch_size=2, epochs=2)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights."""
    return save_decoder(tmp_path_factory.mktemp("base"), "Llama")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> tuple[Teacher, Callable[[Iterable[int]], str]]:
    """Lessons for a small byte-level tokenizer, and the text of tokens."""
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    renderer = Renderer(load_prompt("lines"), "English", Decoding(max_tokens=1), Identity(backend="local", model="m"))

    def text(tokens: Iterable[int]) -> str:
        return str(tokenizer.decode([token for token in tokens if token != IGNORED]))

    return Teacher(tokenizer, renderer, _END), text


def _paper(number: int = 1) -> Paper:
    return Paper.model_validate(
        {
            "id": f"p{number}",
            "title": f"BrookNet-{number}",
            "abstract": f"We present BrookNet-{number}. It hears streams on PebbleBed.",
            "source": {"name": "papers.jsonl", "line": number},
        }
    )


def test_all_that_is_labelled_is_learned(teacher: tuple[Teacher, Callable[[Iterable[int]], str]]) -> None:
    """The prompt is that of a run, and every token of the answer counts, the one that ends it included."""
    lesson = Lesson(
        paper=_paper(), sentence="It hears.", tasks=("hearing",), methods=("A", "B"), datasets=(), metrics=("F1",)
    )
    tokens = teacher[0].tokens(lesson)
    assert teacher[1](tokens.answer) == "It hears.\ntasks hearing\nmethods A; B\ndata\nmetrics F1</s>"
    assert teacher[1](tokens.wanted) == "It hears.\n hearing\n A; B\n\n F1</s>"
    assert "BrookNet-1" in teacher[1](tokens.prompt)


@pytest.mark.parametrize(
    ("labelled", "answer", "learned"),
    [
        ({"sentence": "It hears."}, "It hears.\n", "It hears.\n"),
        ({"tasks": ("hearing",)}, "BrookNet-1\ntasks hearing\n", " hearing\n"),
        ({"tasks": (), "metrics": ("F1",)}, "BrookNet-1\ntasks\nmethods\ndata\nmetrics F1</s>", "\n F1</s>"),
        ({"datasets": ("PebbleBed",)}, "BrookNet-1\ntasks\nmethods\ndata PebbleBed\n", " PebbleBed\n"),
        ({"metrics": ()}, "BrookNet-1\ntasks\nmethods\ndata\nmetrics</s>", "</s>"),
    ],
)
def test_what_nobody_labelled_is_read_and_not_learned(
    teacher: tuple[Teacher, Callable[[Iterable[int]], str]], labelled: dict[str, object], answer: str, learned: str
) -> None:
    """The title stands in for a sentence, lists are empty, and none of it counts; what follows is left out."""
    tokens = teacher[0].tokens(Lesson.model_validate({"paper": _paper()} | labelled))
    assert teacher[1](tokens.answer) == answer
    assert teacher[1](tokens.wanted) == learned


def test_a_lesson_without_labels_teaches_nothing(teacher: tuple[Teacher, Callable[[Iterable[int]], str]]) -> None:
    """It has no answer."""
    assert teacher[0].tokens(Lesson(paper=_paper())).answer == []


def test_a_sentence_that_is_longer_than_an_answer_may_be_teaches_nothing(
    teacher: tuple[Teacher, Callable[[Iterable[int]], str]],
) -> None:
    """It could never be written; the names beside it are learned."""
    tokens = teacher[0].tokens(Lesson(paper=_paper(), sentence="It hears. " * 40, tasks=("hearing",)))
    assert teacher[1](tokens.answer) == "BrookNet-1\ntasks hearing\n"
    assert teacher[1](tokens.wanted) == " hearing\n"
    assert teacher[0].tokens(Lesson(paper=_paper(), sentence="It hears. " * 40)).answer == []


def test_a_label_is_text(teacher: tuple[Teacher, Callable[[Iterable[int]], str]]) -> None:
    """An end token that somebody wrote ends no answer, a line end makes no line, and a separator no name."""
    tokens = teacher[0].tokens(Lesson(paper=_paper(), sentence="It</s> hears\nthem.", tasks=("a; b", "c\n d")))
    assert _END not in tokens.answer
    assert teacher[1](tokens.answer) == "It</s> hears them.\ntasks c d\n"


def test_gold_becomes_lessons() -> None:
    """Names as the paper writes them and in its order, without those that it does not state; one for each summary."""
    gold = Gold(
        summaries=("It hears.", "A network hears."),
        names={
            "method": (GoldName(name="GAN"), GoldName(name="brook net", aliases=("BrookNet-1",))),
            "dataset": (GoldName(name="Pebble"), GoldName(name="PebbleBed")),
        },
    )
    example = Example(paper=_paper(), gold=gold, sentences=("It hears.",), document="d")
    first, second = lessons_of([example])
    assert (first.sentence, second.sentence) == ("It hears.", "A network hears.")
    assert (first.methods, first.datasets, first.tasks, first.metrics) == (("BrookNet-1",), ("PebbleBed",), None, None)
    assert list(lessons_of([example.model_copy(update={"gold": Gold()})])) == []


def _tokens(number: int) -> Tokens:
    """A lesson that a model of random weights can learn: which number the paper has."""
    return Tokens([5, 6, 7 + number, 9], [20 + number, 30 + number, _END], [20 + number, 30 + number, _END])


def _training(
    base: Path, folder: Path, recipe: Recipe = _RECIPE, start: Path | None = None, origin: Origin = _ORIGIN
) -> Training:
    return Training(AutoModelForCausalLM.from_pretrained(base), recipe, folder, origin, start)


def test_lessons_are_learned(base: Path, tmp_path: Path) -> None:
    """The loss falls to nearly nothing, and only the adapter has changed."""
    training = _training(base, tmp_path, _RECIPE.model_copy(update={"epochs": 60}))
    lessons = [_tokens(number) for number in range(4)]
    before = training.losses.mean(lessons)
    assert training.run(lessons, ())
    assert training.losses.mean(lessons) < 0.05 < before
    original = dict(AutoModelForCausalLM.from_pretrained(base).named_parameters())
    for name, part in training.model.get_base_model().named_parameters():
        if "lora" not in name:
            assert torch.equal(part, original[name.replace(".base_layer", "")]), name


def test_padding_and_parts_change_no_loss(base: Path, tmp_path: Path) -> None:
    """The loss of lessons together is that of each alone, however they are padded or divided."""
    training = _training(base, tmp_path)
    lessons = [
        _tokens(1),
        Tokens([8, 9, 10, 11, 12, 13], [14, 15], [IGNORED, 15]),
        Tokens([7] * 300, [9] * 150, [IGNORED] * 149 + [9]),
        Tokens([6] * 300, [9] * 150, [9] * 150),
    ]
    assert sum(len(one.prompt) + len(one.answer) for one in lessons) < MOST_TOKENS < 4 * 450
    alone = [(training.losses.mean([one]), sum(token != IGNORED for token in one.wanted)) for one in lessons]
    expected = sum(loss * count for loss, count in alone) / sum(count for _, count in alone)
    assert training.losses.mean(lessons) == pytest.approx(expected, rel=1e-4)


def _run_until(training: Training, step: int, lessons: Sequence[Tokens | Weighed], dev: Sequence[Tokens]) -> bool:
    return training.run(lessons, dev, lambda: training.progress.step == step)


def test_a_stop_costs_nothing(base: Path, tmp_path: Path) -> None:
    """Stopped in the middle of each epoch and taken up again, a training ends in the same weights as without a stop."""
    lessons, dev = [_tokens(number) for number in range(7)], [_tokens(8)]
    whole = _training(base, tmp_path / "whole")
    assert whole.run(lessons, dev)
    parts = tmp_path / "parts"
    for stop in (3, 6):
        assert not _run_until(_training(base, parts), stop, lessons, dev)
    with pytest.raises(SettingsError, match="other lessons"):
        _training(base, parts).run(lessons[1:], dev)
    last = _training(base, parts)
    assert last.progress.step == 6
    assert last.run(lessons, dev)
    assert last.progress.dev == pytest.approx(whole.progress.dev, abs=1e-6)
    assert last.progress.train == pytest.approx(whole.progress.train, abs=1e-6)
    expected, found = (load_file(folder / WEIGHTS) for folder in (tmp_path / "whole", parts))
    assert expected.keys() == found.keys()
    assert all(torch.allclose(expected[name], found[name], atol=1e-6) for name in expected)


def test_the_best_epoch_is_kept_and_worse_ones_end_it(base: Path, tmp_path: Path) -> None:
    """Where dev says the opposite of train, the first epoch is the best, and two worse ones are enough."""
    lessons = [_tokens(1), _tokens(1)]
    dev = [lessons[0]._replace(answer=[40, 41, _END], wanted=[40, 41, _END])]
    training = _training(base, tmp_path, _RECIPE.model_copy(update={"epochs": 30}))
    assert training.run(lessons, dev)
    assert training.progress.best == 0
    assert len(training.progress.dev) == 3
    assert training.progress.dev[0] < training.progress.dev[2]
    kept = load_file(tmp_path / WEIGHTS)
    last = dict(training.model.named_parameters())
    again = _training(base, tmp_path, _RECIPE.model_copy(update={"epochs": 30}))
    assert again.run(lessons, dev)
    assert again.progress == training.progress
    assert any(not torch.equal(kept[name], last[name.replace(".weight", ".default.weight")]) for name in kept)


def test_a_share_of_the_way_is_kept(base: Path, tmp_path: Path) -> None:
    """What is saved, and measured on dev, lies between begin and end; what learns on knows nothing of it."""
    lessons = [_tokens(number) for number in range(4)]
    assert _training(base, tmp_path / "start").run(lessons, ())
    half = _RECIPE.model_copy(update={"share": 0.5})
    found = {}
    for name, recipe in (("whole", _RECIPE), ("half", half), ("stopped", half)):
        training = _training(base, tmp_path / name, recipe, tmp_path / "start")
        if name == "stopped":
            assert not _run_until(training, 1, lessons, lessons)
            training = _training(base, tmp_path / name, recipe, tmp_path / "start")
        assert training.run(lessons, lessons)
        found[name] = training.progress
    begin, end, middle, again = (load_file(tmp_path / name / WEIGHTS) for name in ("start", "whole", "half", "stopped"))
    for name, matrix in middle.items():
        assert torch.allclose(matrix, (begin[name] + end[name]) / 2, atol=1e-6), name
        assert torch.equal(matrix, again[name])
    assert any(not torch.equal(begin[name], end[name]) for name in middle)
    assert found["half"].train == pytest.approx(found["whole"].train)
    saved = _training(base, tmp_path / "again", start=tmp_path / "half")
    assert saved.losses.mean(lessons) == pytest.approx(found["half"].dev[-1], abs=1e-5)


def test_a_training_goes_on_from_an_adapter(base: Path, tmp_path: Path) -> None:
    """It begins with what that has learned; one of another rank or of another model is refused."""
    lessons = [_tokens(number) for number in range(4)]
    first = _training(base, tmp_path / "first", _RECIPE.model_copy(update={"epochs": 20}))
    assert first.run(lessons, ())
    second = _training(base, tmp_path / "second", start=tmp_path / "first")
    assert second.losses.mean(lessons) == pytest.approx(first.losses.mean(lessons), abs=1e-5)
    wider = _RECIPE.model_copy(update={"rank": 2 * _RECIPE.rank, "alpha": 2 * _RECIPE.alpha})
    with pytest.raises(SettingsError, match="has rank"):
        _training(base, tmp_path / "third", wider, tmp_path / "first")
    (tmp_path / "other").mkdir()
    other = save_causal(tmp_path / "other")
    with pytest.raises(SettingsError, match="of another model|cannot be begun with"):
        _training(other, tmp_path / "fourth", start=tmp_path / "first")


def test_a_checkpoint_is_of_one_origin(base: Path, tmp_path: Path) -> None:
    """With another base or adapter it is not gone on with."""
    lessons = [_tokens(number) for number in range(4)]
    assert not _run_until(_training(base, tmp_path), 1, lessons, [])
    for other in (_ORIGIN.model_copy(update={"adapter": "a@sha256:1"}), _ORIGIN.model_copy(update={"base": "b"})):
        with pytest.raises(SettingsError, match="another origin"):
            _training(base, tmp_path, origin=other)
    assert _training(base, tmp_path).progress.step == 1


def test_an_epoch_that_was_not_measured_is_measured_afterwards(base: Path, tmp_path: Path) -> None:
    """Stopped between its last batch and its end, it is neither lost nor learned twice."""
    lessons, dev = [_tokens(number) for number in range(4)], [_tokens(8)]
    whole = _training(base, tmp_path / "whole")
    assert whole.run(lessons, dev)
    stopped = _training(base, tmp_path / "parts")
    assert not _run_until(stopped, 2, lessons, dev)
    assert stopped.progress.train == ()
    last = _training(base, tmp_path / "parts")
    assert last.run(lessons, dev)
    assert last.progress.step == whole.progress.step
    assert last.progress.dev == pytest.approx(whole.progress.dev, abs=1e-6)


@pytest.mark.parametrize("name", ["progress.json", "state-1.safetensors"])
def test_a_torn_checkpoint_is_told(base: Path, tmp_path: Path, name: str) -> None:
    """Nothing goes on from half of a file, and what is left of one is there as a whole."""
    lessons = [_tokens(number) for number in range(4)]
    assert not _run_until(_training(base, tmp_path), 1, lessons, [])
    assert sorted(path.name for path in (tmp_path / "checkpoint").iterdir()) == ["progress.json", "state-1.safetensors"]
    path = tmp_path / "checkpoint" / name
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(SettingsError, match="cannot be gone on with") as raised:
        _training(base, tmp_path)
    assert "\n" not in str(raised.value)


def test_any_seed_that_settings_allow_can_be_trained_with(base: Path, tmp_path: Path) -> None:
    """Up to the greatest."""
    lessons = [_tokens(number) for number in range(4)]
    training = _training(base, tmp_path, _RECIPE.model_copy(update={"seed": 2**63 - 1, "epochs": 1}))
    assert training.run(lessons, ())


def test_a_model_whose_matrices_are_the_other_way_round_is_refused(tmp_path: Path) -> None:
    """Before it has been trained for hours into an adapter that nothing here could use."""
    GPT2LMHeadModel(GPT2Config(vocab_size=300, n_embd=16, n_layer=1, n_head=2)).save_pretrained(tmp_path / "gpt")
    with pytest.raises(ModelError, match="the other way round"):
        _training(tmp_path / "gpt", tmp_path / "adapter")


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    """Eight papers with a sentence and names."""
    rows = [
        {
            "id": f"p{number}",
            "title": f"Streams, part {number}",
            "abstract": f"We present BrookNet for part {number}. It hears streams on PebbleBed.",
            "tldr": "It hears streams.",
            "tasks": [],
            "methods": ["BrookNet"],
            "datasets": ["PebbleBed"],
            "metrics": [],
        }
        for number in range(8)
    ]
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _command(base: Path, gold: Path, folder: Path, *more: str) -> list[str]:
    words = ["tune", "--train", str(gold), "--model", str(base), "--device", "cpu", "--dtype", "float32"]
    return [*words, "-o", str(folder), "--rank", "8", "--learning-rate", "0.02", "--lessons", "2", *more]


@pytest.mark.parametrize("share", ["0", "1.5", "half", "nan"])
def test_a_share_is_a_part_of_the_way(base: Path, gold: Path, tmp_path: Path, share: str) -> None:
    """Nothing, more than all, and words are none."""
    with pytest.raises(SystemExit, match="2"):
        main(_command(base, gold, tmp_path / "adapter", "--share", share))


def test_what_is_trained_can_be_used(base: Path, gold: Path, tmp_path: Path) -> None:
    """From gold to an adapter with a card of what really happened, and records that say what was learned."""
    folder = tmp_path / "adapter"
    told = ("--dev", f"gold:{gold}", "--epochs", "40", "--licence", "CC0-1.0")
    assert main(_command(base, gold, folder, *told)) == 0
    made = json.loads((folder / "made.json").read_text(encoding="utf-8"))
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert made["recipe"]["rank"] == 8
    assert [(one["split"], one["lessons"], one["file"]) for one in made["data"]] == [
        ("train", 8, "gold.jsonl"),
        ("dev", 8, "gold.jsonl"),
    ]
    assert made["progress"]["step"] == 4 * len(made["progress"]["train"])
    assert made["data"][0]["sha256"] in card
    assert "| 8 | CC0-1.0 |" in card
    assert f"| {made['progress']['best'] + 1} (kept) |" in card
    settings = Settings(
        model=str(base), adapter=folder, device="cpu", dtype="float32", cache=False, max_tokens=200, stand_in=False
    )
    records = list(Summarizer(settings).run(read_papers(gold)))
    assert [record.tldr.text for record in records if record.tldr] == ["It hears streams."] * 8
    assert all([one.name for one in record.datasets] == ["PebbleBed"] for record in records)
    assert all([one.name for one in record.methods] == ["BrookNet"] for record in records)


def test_a_paper_that_cannot_be_read_ends_no_training(
    teacher: tuple[Teacher, Callable[[Iterable[int]], str]], caplog: pytest.LogCaptureFixture
) -> None:
    """It is left out and named, as it would fail alone in a run; the others are learned."""
    tokens = teacher[0].tokens

    class Refusing(Teacher):
        def __init__(self) -> None:
            pass

        def tokens(self, lesson: Lesson) -> Tokens:
            if lesson.paper.id == "odd":
                raise RequestError("odd", "rejected", "the prompt cannot be encoded")
            return tokens(lesson)

    lessons = [Lesson(paper=_paper().model_copy(update={"id": name}), sentence="It hears.") for name in ("odd", "even")]
    with caplog.at_level("INFO"):
        assert taught(lessons, Refusing(), 10_000) == [tokens(lessons[1])]
    assert "odd is left out: " in caplog.text


def test_the_card_tells_all_steps(base: Path, gold: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What an adapter went on from is as much of it: its data, licences and losses, the first step first."""
    first, second, third = (tmp_path / name for name in ("one", "two", "three"))
    assert main(_command(base, gold, first, "--epochs", "1", "--licence", "CC0-1.0")) == 0
    assert main(_command(base, gold, second, "--epochs", "1", "--licence", "MIT", "--adapter", str(first))) == 0
    before, made = (json.loads((folder / "made.json").read_text(encoding="utf-8")) for folder in (first, second))
    assert made["before"] == before
    assert before["before"] is None
    card = (second / "README.md").read_text(encoding="utf-8")
    assert card.index("## Step 1 of 2") < card.index("| CC0-1.0 |") < card.index("## Step 2 of 2")
    assert card.index("## Step 2 of 2") < card.index("| MIT |") < card.index(f"| went on from | {made['adapter']} |")
    (second / "made.json").write_text("{}", encoding="utf-8")
    assert main(_command(base, gold, third, "--epochs", "1", "--adapter", str(second))) == 2
    assert "does not say what the adapter was made of" in capfd.readouterr().err


def test_mistakes_are_told_before_a_model_is_loaded(
    base: Path, gold: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file that is none, one without labels, a prompt in JSON, flags that do nothing, odd numbers."""
    bare = tmp_path / "bare.jsonl"
    bare.write_text('{"id": "a", "title": "T", "abstract": "It hears."}\n', encoding="utf-8")
    nothing, adapter = tmp_path / "nothing", tmp_path / "adapter"
    nothing.mkdir()  # a model without weights
    _training(base, adapter, _RECIPE.model_copy(update={"epochs": 1})).run([_tokens(1)], ())
    for command, said in (
        (_command(base, tmp_path / "no.jsonl", tmp_path / "a"), "no.jsonl: No such file"),
        (_command(base, bare, tmp_path / "a"), "holds nothing that a lesson could be made of"),
        (_command(base, gold, tmp_path / "a", "--prompt", "annotate"), "--prompt annotate: is written in JSON"),
        (_command(base, gold, tmp_path / "a", "--backend", "hosted"), "leave --backend and --engine out"),
        (_command(base, gold, tmp_path / "a", "--engine", "vllm"), "leave --backend and --engine out"),
        (_command(nothing, gold, tmp_path / "a", "--adapter", str(tmp_path)), "adapter_config.json cannot be read"),
        (_command(nothing, gold, adapter, "--adapter", str(adapter)), "would be written over"),
        (_command(base, gold, tmp_path / "a", "--dtype", "int8"), "weights in int8 do not learn"),
    ):
        assert main(command) == 2
        assert said in capfd.readouterr().err
    with pytest.raises(SystemExit):
        main(_command(base, gold, tmp_path / "a", "--learning-rate", "fast"))
    assert "--learning-rate: it has to be a number" in capfd.readouterr().err


def test_lessons_to_choose_by_that_are_all_too_long_are_told(
    base: Path, gold: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """An epoch that is chosen by nothing is not what was asked for."""
    row = json.loads(gold.read_text(encoding="utf-8").splitlines()[0])
    dev = tmp_path / "dev.jsonl"
    dev.write_text(json.dumps(row | {"abstract": "It hears streams. " * 4_000, "methods": []}) + "\n", encoding="utf-8")
    assert main(_command(base, gold, tmp_path / "a", "--dev", f"gold:{dev}")) == 2
    assert "no lesson to choose by fits" in capfd.readouterr().err


def test_ctrl_c_leaves_what_goes_on(base: Path, gold: Path, tmp_path: Path) -> None:
    """A process that is told to stop saves where it is and says so; another recipe is refused, the same one goes on."""
    folder = tmp_path / "adapter"
    long = [sys.executable, "-m", "summarizer", *_command(base, gold, folder, "--epochs", "100000")]
    with subprocess.Popen(long, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (folder / "checkpoint" / "progress.json").is_file():
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert "the same command goes on" in process.communicate()[1]
    assert process.returncode == 130
    kept = json.loads((folder / "checkpoint" / "progress.json").read_text(encoding="utf-8"))
    assert kept["progress"]["step"] > 0
    again = subprocess.run([*long, "--seed", "7"], capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert "is of a training with another recipe" in again.stderr


def test_sentences_are_drawn_once_scored_and_learned_from(
    base: Path, gold: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Different ones for each paper, the likeliest first; a second call draws nothing, and `tune` takes the file."""
    out = tmp_path / "choices.jsonl"
    draw = ["choices", str(gold), "-n", "2", "--model", str(base), "--device", "cpu", "--dtype", "float32"]
    draw += ["--max-tokens", "330"]
    assert main([*draw, "--temperature", "1.5", "--quiet", "-o", str(out)]) == 0
    rows = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert sorted(row["id"] for row in rows) == sorted(f"p{number}" for number in range(8))
    assert all(len(set(row["sentences"])) == 3 for row in rows)
    assert all(sentence and "\n" not in sentence for row in rows for sentence in row["sentences"])
    before = out.read_bytes()
    out.write_bytes(b"".join(before.splitlines(keepends=True)[:5]))
    assert main([*draw, "--temperature", "1.5", "--quiet", "-o", str(out)]) == 0
    again = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert again[:5] == rows[:5]
    assert sorted(again, key=lambda row: row["id"]) == sorted(rows, key=lambda row: row["id"])
    assert main([*draw, "--temperature", "1.4", "--quiet", "-o", str(out)]) == 2
    assert main(_command(base, gold, tmp_path / "adapter", "--choices", str(out), "--epochs", "1")) == 0
    assert "| drawn: choices.jsonl | choices | 8 |" in (tmp_path / "adapter" / "README.md").read_text(encoding="utf-8")
    assert main([*draw, "-o", str(out)]) == 2
    assert main([*draw, "--temperature", "1.5", "--language", "German", "-o", str(out)]) == 2
    assert main(_command(base, gold, tmp_path / "other", "--choices", str(gold))) == 2
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert main(_command(base, gold, tmp_path / "other", "--choices", str(empty))) == 2
    told = capfd.readouterr().err
    assert f"holds sentences of {base.name}, " in told
    assert "set --temperature 0.7" in told
    assert "--language German: sentences to learn from are in English" in told
    assert "holds no sentences for papers of --train" in told
    assert f"{gold}, line 1: no drawn sentences" in told


def test_a_sentence_is_like_those_of_people_by_rouge() -> None:
    """The mean of ROUGE-1, -2 and -L, each against the target that is most like it."""
    found = [likeness(text, ["It hears streams.", "A network."]) for text in ("It hears streams.", "It hears.", "No.")]
    assert found == pytest.approx([1.0, (0.8 + 2 / 3 + 0.8) / 3, 0.0])


def test_the_best_of_several_sentences_takes_the_place_of_that_of_people() -> None:
    """Most like that of people; of those that are as like it, the one that is like the others, too."""
    assert best(["A net.", "It hears streams now.", "It hears."], "It hears streams.") == "It hears streams now."
    assert best(["It hears a b c.", "It hears x y z.", "Net x y z."], "It hears.") == "It hears x y z."
    assert best(["A net."], "It hears.") == "A net."


def test_only_what_people_said_in_a_sentence_has_another_in_its_place() -> None:
    """Lessons of names alone, and of papers that nothing was drawn for, stay; each target has its own."""
    first, second = _paper(), _paper().model_copy(update={"abstract": "Other words."})
    lessons = [
        Lesson(paper=first, sentence="It hears.", tasks=("depth",)),
        Lesson(paper=first, sentence="It sees."),
        Lesson(paper=first, tasks=("depth",)),
        Lesson(paper=second, sentence="It hears."),
    ]
    found = list(with_best(lessons, {fingerprint(first): ("It hears all.", "It sees all."), fingerprint(second): ()}))
    assert [lesson.sentence for lesson in found] == ["It hears all.", "It sees all.", None, "It hears."]
    assert [lesson.tasks for lesson in found] == [lesson.tasks for lesson in lessons]


def test_sentences_are_of_a_text_and_not_of_an_id(base: Path, gold: Path, tmp_path: Path) -> None:
    """Another paper of the same id gets sentences of its own; the same one without its title has the same."""
    out, other = tmp_path / "choices.jsonl", tmp_path / "other.jsonl"
    row = json.loads(gold.read_bytes().splitlines()[0])
    rows = [row | {"abstract": "We sort driftwood."}, row | {"id": "untitled", "title": ""}]
    other.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    draw = ["choices", "--model", str(base), "--device", "cpu", "--dtype", "float32", "--max-tokens", "330", "--quiet"]
    draw += ["-n", "2", "--temperature", "1.5", "-o", str(out)]
    assert main([*draw, str(other)]) == 0
    assert main([*draw, str(gold), str(other)]) == 0
    drawn = [json.loads(line) for line in out.read_bytes().splitlines()]
    assert sorted(one["id"] for one in drawn) == [*(f"p{number}" for number in range(8)), "untitled"]
    assert len(read_drawn(out)) == 9


def test_a_sentence_weighs_what_it_is_worth_beyond_the_mean() -> None:
    """Weights of all that were drawn come to nothing; what was drawn twice counts twice, and the same alone not."""
    drawn = ("It hears.", "It hears streams.", "It hears streams.", "A net.")
    found = {one.sentence: one.weight for one in weigh(drawn, "It hears streams.")}
    assert list(found) == ["It hears.", "It hears streams.", "A net."]
    assert sum(found.values()) == pytest.approx(0.0)
    assert found["It hears streams."] > found["It hears."] > found["A net."]
    assert weigh(("A net.", "A net."), "It hears.") == ()
    lesson = Lesson(paper=_paper(), sentence="It hears streams.", tasks=("depth",))
    (kept,) = with_worths([lesson, lesson.model_copy(update={"sentence": None})], {fingerprint(lesson.paper): drawn})
    assert kept.drawn == weigh(drawn, "It hears streams.")
    assert list(with_worths([lesson], {"another": drawn})) == []


_DRAWN = Weighed([5, 6, 7, 8], [[9, 10, 11], [9, 12], [13, 10, 14, 15]], [0.2, -0.3, 0.1])


@torch.inference_mode()
def test_answers_behind_one_prompt_are_as_likely_as_alone(base: Path, tmp_path: Path) -> None:
    """None sees another, and each stands where it would stand alone."""
    training = _training(base, tmp_path)
    each = torch.split(policy.likelihoods(training.losses.read, _DRAWN), [len(answer) for answer in _DRAWN.answers])
    for answer, found in zip(_DRAWN.answers, each, strict=True):
        logits = training.model(input_ids=torch.tensor([_DRAWN.prompt + answer])).logits[0, len(_DRAWN.prompt) - 1 : -1]
        expected = logits.log_softmax(-1).gather(1, torch.tensor(answer)[:, None])[:, 0]
        assert torch.allclose(found, expected, atol=1e-5)


def test_what_has_moved_far_enough_teaches_no_more() -> None:
    """Ratios beyond the clip have no gradient where they are what was wanted, and have it where they are not."""
    one = Weighed([1], [[2, 3], [4, 5]], [0.5, -0.5])
    far = policy.CLIP + 0.1
    now = torch.tensor([1 + far, 1 - far, 1 + far, 1 - far]).log().requires_grad_()
    policy.loss(now, torch.zeros(4), one).backward()  # type: ignore[no-untyped-call]
    assert now.grad is not None
    assert now.grad.ne(0).tolist() == [False, True, True, False]
    assert now.grad[1] < 0 < now.grad[2]


def test_a_policy_makes_what_is_worth_more_likelier(base: Path, tmp_path: Path) -> None:
    """By ratios to what drew it; stopped and gone on with, it ends in the weights of one without a stop."""
    recipe = _RECIPE.model_copy(update={"policy": True, "epochs": 3, "learning_rate": 3e-3})
    lessons = [_tokens(number) for number in range(4)]
    assert _training(base, tmp_path / "start").run(lessons, ())
    drawn = [_DRAWN, Weighed([7, 8, 9], [[4, 5], [6]], [0.4, -0.4])]
    whole = _training(base, tmp_path / "whole", recipe, tmp_path / "start")
    before = policy.likelihoods(whole.losses.read, _DRAWN).detach()
    assert whole.run(drawn, ())
    moved = policy.likelihoods(whole.losses.read, _DRAWN).detach() - before
    better, worse, _ = (part.sum() for part in torch.split(moved, [len(answer) for answer in _DRAWN.answers]))
    assert better > 0 > worse
    stopped = _training(base, tmp_path / "stopped", recipe, tmp_path / "start")
    assert not _run_until(stopped, 2, drawn, ())
    assert _training(base, tmp_path / "stopped", recipe, tmp_path / "start").run(drawn, ())
    ends = [load_file(tmp_path / name / WEIGHTS) for name in ("whole", "stopped")]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_a_policy_moves_what_drew(base: Path, gold: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """From drawn sentences to an adapter and its card; without an adapter, or with nothing to choose, it is refused."""
    first, out, same = tmp_path / "first", tmp_path / "choices.jsonl", tmp_path / "same.jsonl"
    assert main(_command(base, gold, first, "--epochs", "1")) == 0
    texts = [fingerprint(example.paper) for example in load_suite("gold").read(gold)]
    for path, sentences in ((out, ["It hears streams.", "It hears.", "Nets."]), (same, ["It hears."] * 3)):
        rows = [{"id": "p", "text": text, "by": "first", "sentences": sentences} for text in texts]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    told = ("--epochs", "1", "--policy", "--dev", str(gold), "--share", "0.5")
    second = tmp_path / "second"
    assert main(_command(base, gold, second, *told, "--adapter", str(first), "--choices", str(out))) == 0
    card = (second / "README.md").read_text(encoding="utf-8")
    assert "| drawn: choices.jsonl | choices | 8 |" in card
    assert "| policy | True |" in card
    assert "| share | 0.5 |" in card
    assert "| epoch | loss of what was drawn (the less the better) | dev, at the share that is kept |" in card
    assert main(_command(base, gold, tmp_path / "third", *told, "--choices", str(out))) == 2
    assert main(_command(base, gold, tmp_path / "third", *told, "--adapter", str(first))) == 2
    assert main(_command(base, gold, tmp_path / "third", *told, "--adapter", str(first), "--choices", str(same))) == 2
    errors = capfd.readouterr().err
    assert errors.count("name both, --choices and --adapter") == 2
    assert "draw at a higher --temperature" in errors


def test_a_policy_is_for_models_that_look_where_they_are_told(
    gold: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Windows that slide would hide a prompt from the answers that stand far behind it."""
    model = save_decoder(tmp_path, "Mistral")
    assert main(_command(model, gold, tmp_path / "first", "--epochs", "1")) == 0
    out = tmp_path / "choices.jsonl"
    text = fingerprint(next(load_suite("gold").read(gold)).paper)
    row = {"id": "p", "text": text, "by": "m", "sentences": ["A net.", "It hears."]}
    out.write_text(json.dumps(row) + "\n", encoding="utf-8")
    more = ("--policy", "--choices", str(out), "--adapter", str(tmp_path / "first"))
    assert main(_command(model, gold, tmp_path / "second", *more)) == 2
    assert "a policy is for models that look where they are told to" in capfd.readouterr().err
