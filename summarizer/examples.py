"""A model imitates its examples: one that invents teaches inventing, so they pass the project's own checks."""

from summarizer.completion import LINES, Completion
from summarizer.errors import AnswerError, PromptError
from summarizer.grounding import ground
from summarizer.parsing import parse
from summarizer.prompting import Example, Prompt, written
from summarizer.records import Paper, Source, Tokens


def check_examples(prompt: Prompt) -> None:
    """Parse and ground every example of a prompt; `PromptError` names the first that claims what its paper lacks."""
    for number, example in enumerate(prompt.file.examples, start=1):
        if problem := _problem(example, prompt):
            raise PromptError(f"prompt {prompt.name}, example {number}: {problem}")


def _problem(example: Example, prompt: Prompt) -> str | None:
    paper = Paper(id="example", title=example.title, abstract=example.abstract, source=Source(name=prompt.name, line=1))
    completion = Completion(
        request_id=paper.id,
        text=written(example.answer, prompt.file.form),
        tokens=Tokens(),
        structured_mode=LINES if prompt.file.form == "lines" else "example",
        seconds=0.0,
        created_at="",
    )
    try:
        answer = parse(completion, prompt.vocabulary, prompt.file.limits)
    except AnswerError as error:
        return str(error)
    invented = ground(answer, paper).unsupported
    return f"{', '.join(invented)} is not in the abstract" if invented else None
