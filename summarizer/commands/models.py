"""`summarizer models`: list and fetch local models."""

from argparse import Namespace

from summarizer.backends.hub import pull_model
from summarizer.backends.weights import EMBEDDED_INSTALL, list_models
from summarizer.commands import OK
from summarizer.console import say
from summarizer.errors import SettingsError
from summarizer.settings import EMBEDDED


def call(options: Namespace) -> int:
    """List the models, or fetch one."""
    if options.action == "pull":
        if options.id == EMBEDDED:
            raise SettingsError(f"{EMBEDDED}: is no model of the hub; to have it: {EMBEDDED_INSTALL}")
        say(str(pull_model(options.id, options.revision, newest=True)))
        return OK
    for model in list_models():
        say(str(model))
    return OK
