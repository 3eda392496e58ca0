"""What the package offers to the world."""

import subprocess
import sys

import summarizer


def test_all_names_are_sorted_and_there() -> None:
    """Every public name can be imported, and the list is sorted."""
    assert summarizer.__all__ == sorted(summarizer.__all__)
    for name in summarizer.__all__:
        assert getattr(summarizer, name) is not None


def test_importing_loads_nothing_heavy() -> None:
    """`import summarizer` and the whole command line load neither models, nor clients, nor pydantic."""
    heavy = ("torch", "transformers", "openai", "pydantic", "rich", "jinja2", "diskcache")
    code = f"import sys, summarizer.cli; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_name_is_an_attribute_error() -> None:
    """A name that does not exist is reported the way Python does it."""
    assert not hasattr(summarizer, "no_such_name")
    assert set(dir(summarizer)) == set(summarizer.__all__)
