"""The acronyms that the papers of a batch define."""

from summarizer.glossary import Glossary, own_definitions
from summarizer.records import Paper, Source


def _paper(abstract: str, title: str = "A title") -> Paper:
    return Paper(id="p", title=title, abstract=abstract, source=Source(name="p.jsonl", line=1))


def test_what_one_paper_defines_the_batch_knows() -> None:
    """So that a paper that only uses the acronym gets the same tag."""
    glossary = Glossary()
    glossary.add(_paper("We read tidal basin networks (TBNs)."))
    assert glossary.expand("TBN") == ("tidal", "basin", "network")
    assert glossary.expand("TBX") == ()


def test_forms_of_the_same_words_do_not_disagree() -> None:
    """Plural, case and hyphens make no other meaning."""
    glossary = Glossary()
    glossary.add(_paper("We read tidal basin networks (TBNs)."))
    glossary.add(_paper("A Tidal-Basin Network (TBN) is read."))
    assert glossary.expand("TBN") == ("tidal", "basin", "network")


def test_an_acronym_with_two_meanings_stands_for_nothing() -> None:
    """Whichever came first: a wrong label is worse than none."""
    glossary = Glossary()
    glossary.add(_paper("We read tidal basin networks (TBNs)."))
    glossary.add(_paper("We read text box nodes (TBNs)."))
    assert glossary.expand("TBN") == ()
    glossary.add(_paper("We read tidal basin networks (TBNs)."))
    assert glossary.expand("TBN") == ()


def test_the_title_defines_as_well_and_the_abstract_goes_first() -> None:
    """Of two meanings in one paper the abstract's is taken."""
    own = own_definitions(_paper("We read tidal basins (TB).", "Text Boxes (TB) and Loam Nets (LN)"))
    assert own == {"TB": "tidal basins", "LN": "loam nets"}
