"""Where settings come from, and what happens to those that do not exist."""

from collections.abc import Callable
from pathlib import Path

import pytest

from summarizer.errors import SettingsError
from summarizer.prices import Price
from summarizer.settings import Settings, load_settings

Write = Callable[[str, str], Path]


def test_command_line_beats_environment_beats_file(write: Write) -> None:
    """Each source overrides the one before it, key by key."""
    config = write("my.toml", 'model = "from-file"\nbatch_size = 3\nlanguage = "French"\n')
    environment = {"SUMMARIZER_MODEL": "from-environment", "SUMMARIZER_BATCH_SIZE": "5", "OTHER": "x"}
    settings = load_settings({"model": "from-flags"}, config=config, environment=environment)
    assert (settings.model, settings.batch_size, settings.language) == ("from-flags", 5, "French")


def test_file_in_the_current_folder_is_found(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """`summarizer.toml` counts when it is in the current folder."""
    monkeypatch.chdir(write("summarizer.toml", "batch_size = 2\n").parent)
    assert load_settings({}, environment={}).batch_size == 2


@pytest.mark.parametrize(
    ("flags", "environment", "origin"),
    [
        ({"modle": "x"}, {}, "command line"),
        ({}, {"SUMMARIZER_MODLE": "x"}, "environment"),
    ],
)
def test_unknown_setting_names_itself_and_its_source(
    flags: dict[str, str], environment: dict[str, str], origin: str
) -> None:
    """A misspelled setting is an error that says where it stands and which settings there are."""
    with pytest.raises(SettingsError, match=f"{origin}: there is no setting 'modle'.*model"):
        load_settings(flags, environment=environment)


def test_unknown_setting_in_file_names_the_file(write: Write) -> None:
    """The path of the file is in the message."""
    with pytest.raises(SettingsError, match="my.toml: there is no setting 'colour'"):
        load_settings({}, config=write("my.toml", "colour = 1\n"), environment={})


def test_value_that_does_not_fit_is_named(write: Write) -> None:
    """A wrong value is reported with its setting, its source and its reason."""
    with pytest.raises(SettingsError, match="environment: setting 'batch_size': it has to be at least 1"):
        load_settings({}, environment={"SUMMARIZER_BATCH_SIZE": "0"})
    with pytest.raises(SettingsError, match="cannot be read as TOML"):
        load_settings({}, config=write("bad.toml", "batch_size = \n"), environment={})
    with pytest.raises(SettingsError, match="nowhere.toml: cannot be read: No such file"):
        load_settings({}, config=Path("nowhere.toml"), environment={})


@pytest.mark.parametrize(
    "name", ["model", "base_url", "cache_dir", "prompt", "api_key_env", "language", "revision", "script", "batch_size"]
)
@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_value_is_an_error(write: Write, name: str, empty: str) -> None:
    """An empty value stands for nothing else, such as OpenAI's address: wherever it stands, it is named."""
    config = write("my.toml", f'{name} = "{empty}"\n')
    with pytest.raises(SettingsError, match=f"my.toml: setting '{name}': it is empty"):
        load_settings({}, config=config, environment={})
    with pytest.raises(SettingsError, match=f"command line: setting '{name}': it is empty"):
        load_settings({name: empty}, environment={})
    variable = f"SUMMARIZER_{name.upper()}"
    with pytest.raises(SettingsError, match=rf"environment: setting '{name}': it is empty.*\(unset {variable}\)"):
        load_settings({}, environment={variable: empty})


@pytest.mark.parametrize("name", ["cache_dir", "script"])
def test_the_home_folder_is_meant_by_its_sign(write: Write, name: str) -> None:
    """`~/x` is in the home folder, from a file, the environment or a flag; a home that is not there is an error."""
    config = write("my.toml", f'{name} = "~/x"\n')
    for settings in (
        load_settings({}, config=config, environment={}),
        load_settings({}, environment={f"SUMMARIZER_{name.upper()}": "~/x"}),
        load_settings({name: Path("~/x")}, environment={}),
    ):
        assert getattr(settings, name) == Path.home() / "x"
    with pytest.raises(SettingsError, match=f"command line: setting '{name}': it begins with ~"):
        load_settings({name: "~nobody-of-this-name/x"}, environment={})


@pytest.mark.parametrize(
    "name",
    [
        "batch_size",
        "max_tokens",
        "temperature",
        "seed",
        "concurrency",
        "timeout",
        "scripted_seconds",
        "max_cost",
        "requests_per_minute",
        "tokens_per_minute",
        "max_total_tokens",
    ],
)
def test_true_is_not_a_number(write: Write, name: str) -> None:
    """A number that is set to true is an error, and neither 1 nor 1 second."""
    with pytest.raises(SettingsError, match=f"my.toml: setting '{name}': it has to be a number"):
        load_settings({}, config=write("my.toml", f"{name} = true\n"), environment={})


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize("name", ["temperature", "timeout", "scripted_seconds"])
def test_a_number_is_finite(write: Write, name: str, value: str) -> None:
    """What is no number, or no end, is no temperature and no time, from a file or as words of the environment."""
    with pytest.raises(SettingsError, match=f"setting '{name}': .*finite number"):
        load_settings({}, config=write("my.toml", f"{name} = {value}\n"), environment={})
    with pytest.raises(SettingsError, match=f"setting '{name}': .*finite number"):
        load_settings({}, environment={f"SUMMARIZER_{name.upper()}": value})


@pytest.mark.parametrize("name", ["seed", "max_tokens", "concurrency", "timeout", "scripted_seconds"])
def test_a_number_beyond_all_use_is_refused(name: str) -> None:
    """What no library takes is an error of the setting, and not one in the middle of a run."""
    with pytest.raises(SettingsError, match=f"'{name}': it has to be (at most|less than) "):
        load_settings({name: 10**30})


def test_words_of_the_environment_are_numbers_and_answers() -> None:
    """The environment has only words: those that spell a number, or yes or no, are taken for it."""
    environment = {"SUMMARIZER_SEED": "8", "SUMMARIZER_TIMEOUT": "2.5", "SUMMARIZER_CACHE": "false"}
    settings = load_settings({}, environment=environment)
    assert (settings.seed, settings.timeout, settings.cache) == (8, 2.5, False)
    assert load_settings({}, environment={"SUMMARIZER_CACHE": "true"}).cache is True


def test_a_key_in_place_of_its_name_is_not_printed() -> None:
    """A key given as the name of its variable is an error that does not show it."""
    with pytest.raises(SettingsError, match="setting 'api_key_env': it has to be the name of") as caught:
        load_settings({"api_key_env": "sk-secret"}, environment={})
    assert "sk-secret" not in str(caught.value)
    assert "sk-secret" not in str(caught.value.__cause__)


def test_a_key_in_the_wrong_place_is_not_printed() -> None:
    """A secret given as the value of a setting that does not fit never stands in the message."""
    with pytest.raises(SettingsError) as caught:
        load_settings({}, environment={"SUMMARIZER_BACKEND": "sk-secret", "SUMMARIZER_API_KEY": "sk-secret"})
    assert "sk-secret" not in str(caught.value)
    assert caught.value.__cause__ is not None
    assert "sk-secret" not in str(caught.value.__cause__)


def test_settings_cannot_change() -> None:
    """Settings are one frozen value."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().model = "other"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("batch_size = 'x'", "it has to be a whole number"),
        ("temperature = 'x'", "it has to be a number"),
        ("cache = 'x'", "it has to be true or false"),
        ("language = 7", "it has to be text"),
        ("cache_dir = 7", "it has to be text"),
        ("columns = 'AB'", "it has to be a table"),
        ("device = 'tpu'", "it has to be 'auto', 'cpu', 'cuda' or 'mps'"),
        ("temperature = inf", "it has to be a finite number"),
        ("timeout = 0", "it has to be more than 0"),
        (r'cache_dir = "a\u0000b"', "it is not valid text"),
        (r'encoding = "utf\u0000"', "it is not valid text"),
        (r'columns = {abstract = "A\u0000"}', "it is not valid text"),
    ],
)
def test_what_a_setting_has_to_be_is_said(write: Write, line: str, words: str) -> None:
    """A value that does not fit is told what would, in plain words."""
    name = line.partition(" ")[0]
    with pytest.raises(SettingsError, match=f"my.toml: setting '{name}': {words}"):
        load_settings({}, config=write("my.toml", f"{line}\n"), environment={})


def test_an_environment_that_is_no_text_is_refused() -> None:
    """Bytes that are not UTF-8 in a variable are an error of the setting."""
    with pytest.raises(SettingsError, match="environment: setting 'language': it is not valid text"):
        load_settings({}, environment={"SUMMARIZER_LANGUAGE": "\udcff"})


def test_a_column_on_the_command_line_leaves_the_others_alone(write: Write) -> None:
    """What the file says of the title holds on when the command line names the abstract."""
    config = write("my.toml", 'columns = {title = "Name", abstract = "Text"}\n')
    settings = load_settings({"columns": {"abstract": "AB"}}, config=config, environment={})
    assert settings.columns == {"title": "Name", "abstract": "AB"}


@pytest.mark.parametrize(
    ("values", "repairs"),
    [({}, False), ({"model": "someone/large"}, True), ({"backend": "hosted"}, True), ({"repair": True}, True)],
)
def test_only_the_embedded_model_is_not_asked_again(values: dict[str, str | bool], repairs: bool) -> None:
    """What a second round costs is not spent where it mends nothing, unless somebody wants it."""
    assert load_settings(values, environment={}).repairs is repairs


@pytest.mark.parametrize(
    ("values", "prompt"),
    [
        ({}, "lines"),
        ({"prompt": "lines"}, "lines"),
        ({"prompt": "lines/v2"}, "lines/v2"),
        ({"prompt": "compact"}, "compact"),
        ({"prompt": "my.toml"}, "my.toml"),
        ({"language": "Norwegian"}, "compact"),
        ({"shipped_adapter": False}, "compact"),
        ({"model": "someone/large"}, "annotate"),
        ({"backend": "hosted", "model": "m"}, "annotate"),
        ({"backend": "scripted"}, "annotate"),
    ],
)
def test_the_adapter_that_comes_along_is_for_what_it_has_learned(values: dict[str, str | bool], prompt: str) -> None:
    """The embedded model with the prompt of lines, in English; everything else is asked without it."""
    settings = load_settings(values, environment={})
    assert settings.prompt_name == prompt
    used = settings.used_adapter
    assert (used is not None) == prompt.startswith("lines")
    assert used is None or (used / "adapter_model.safetensors").is_file()


@pytest.mark.parametrize(
    ("values", "papers"),
    [
        ({}, 32),
        ({"shipped_adapter": False}, 8),
        ({"prompt": "annotate"}, 8),
        ({"model": "another"}, 8),
        ({"engine": "vllm"}, 256),
        ({"backend": "hosted", "model": "m"}, 8),
        ({"engine": "vllm", "batch_size": 3}, 3),
    ],
)
def test_as_many_papers_are_under_way_as_are_known_to_fit(values: dict[str, str | bool | int], papers: int) -> None:
    """Short answers of the small model take little memory each, and vLLM looks after its own."""
    assert Settings.model_validate(values).under_way == papers


def test_an_adapter_of_ones_own_goes_before_the_one_that_comes_along(tmp_path: Path) -> None:
    """Whatever the prompt and the language, and with `shipped_adapter` off; only a local model has one."""
    own = {"adapter": str(tmp_path), "shipped_adapter": False, "prompt": "my.toml", "language": "Norwegian"}
    assert load_settings(own, environment={}).used_adapter == tmp_path
    assert load_settings(own | {"backend": "hosted", "model": "m"}, environment={}).used_adapter is None


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("x = 2027-01-14", "setting 'extra_body.x': .*JSON"),
        ("x = { y = [nan] }", "setting 'extra_body.x.*finite number"),
        ("n = 5", "may not hold n:"),
        ("max_completion_tokens = 100000", "may not hold max_completion_tokens:"),
        ('model = "m"\nstream = true', "may not hold model, stream:"),
    ],
)
def test_further_parameters_are_json_and_not_those_of_other_settings(write: Write, line: str, problem: str) -> None:
    """What no request can hold is refused, and so is what would get past a limit on costs or the key of the cache."""
    with pytest.raises(SettingsError, match=problem):
        load_settings({}, config=write("my.toml", f"[extra_body]\n{line}\n"), environment={})


def test_further_parameters_are_taken_as_they_are(write: Write) -> None:
    """Tables, lists and values of any depth arrive unchanged."""
    text = '[extra_body]\nreasoning_effort = "low"\nprovider = { only = ["a"], require_parameters = true, x = 1.5 }\n'
    assert load_settings({}, config=write("my.toml", text), environment={}).extra_body == {
        "reasoning_effort": "low",
        "provider": {"only": ["a"], "require_parameters": True, "x": 1.5},
    }


def test_prices_are_tables_of_numbers(write: Write) -> None:
    """Names with dots and slashes stay whole, and whole numbers are prices."""
    text = '[prices."qwen/qwen3-32b"]\ninput = 1\noutput = 0.5\n[prices."gpt-4.1"]\ninput = 2\n'
    text += "output = 8\ncached_input = 0\n"
    assert load_settings({}, config=write("my.toml", text), environment={}).prices == {
        "qwen/qwen3-32b": Price(input=1.0, output=0.5),
        "gpt-4.1": Price(input=2.0, output=8.0, cached_input=0.0),
    }


@pytest.mark.parametrize(
    ("price", "problem"),
    [
        ("input = 1", "setting 'prices.m.output': it is missing"),
        ("input = -1\noutput = 1", "setting 'prices.m.input': it has to be at least 0"),
        ("input = true\noutput = 1", "setting 'prices.m.input': it has to be a number"),
        ("input = inf\noutput = 1", "setting 'prices.m.input': it has to be a finite number"),
        ('input = "1"\noutput = 1', "setting 'prices.m.input': it has to be a number"),
        ("input = 1\noutput = 1\ncached = 1", "no setting 'prices.m.cached'; .*cached_input, input, output"),
    ],
)
def test_a_wrong_price_is_an_error(write: Write, price: str, problem: str) -> None:
    """A limit on costs is no better than the price that it reckons with."""
    with pytest.raises(SettingsError, match=problem):
        load_settings({}, config=write("my.toml", f"[prices.m]\n{price}\n"), environment={})
