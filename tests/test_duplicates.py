"""Papers that were there before are known."""

from collections.abc import Callable

from summarizer.duplicates import Earlier, Seen
from summarizer.records import Paper


def test_earlier_line_and_text_are_told(make_paper: Callable[..., Paper]) -> None:
    """The first paper with an id is new; later ones are told where it stood, and whether the words are the same."""
    seen = Seen()
    assert seen.add(make_paper(1)) is None
    assert seen.add(make_paper(2)) is None
    assert seen.add(make_paper(3, id="paper-1")) == Earlier(place="papers.jsonl, line 1", same_text=False)
    assert seen.add(make_paper(1)) == Earlier(place="papers.jsonl, line 1", same_text=True)
    seen.close()
