"""`summarizer prompts`: list and show the prompts."""

from argparse import Namespace

from summarizer.commands import OK
from summarizer.console import say
from summarizer.prompting import list_prompts, prompt_text


def call(options: Namespace) -> int:
    """List the prompts, or show one."""
    if options.action == "show":
        say(prompt_text(options.name))
    else:
        say("\n".join(list_prompts()))
    return OK
