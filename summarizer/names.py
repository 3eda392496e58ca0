"""Names in a summary: which words name something, and whether the paper has them.

A name is a word with a capital or a digit inside (`BERT`, `ImageNet`, `F1`), or a capitalized word. At the beginning of
a sentence it is one unless it stands in a closed list of openers: `Falcon` may be a bird or a model, and only the paper
knows.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

#: Words with which sentences about papers begin, and that name nothing.
_OPENING = """
author authors paper papers proposal introduction description exploration application
a an the this that these those it its we our they their he she one each every all some any no both most many
several few such other another what which who how why when where whether if as at by for from in into of on onto
over under to toward towards through throughout via with within without across after against along among around
before behind below beneath beside between beyond despite during except given like near per since than unlike
until upon versus while whereas although though because so and but or nor yet not also moreover furthermore
however thus therefore hence then still instead rather indeed finally first second third last next now here
there often usually typically surprisingly interestingly notably importantly overall empirically theoretically
experimentally extensive specifically additionally similarly consequently recently currently only even just more
less better best worse good new novel simple simply large larger small smaller big fast faster slow slower high
higher low lower strong stronger deep efficient effective general first-ever state-of-the-art end-to-end two
three four five six seven eight nine ten is are was were be can could may might must shall should will would do
does did has have had let achieve achieves achieving add adds adding address addresses addressing adapt adapts
adapting aim aims allow allows analyse analyses analysing analyze analyzes analyzing apply applies applying
argue argues ask asks asking assess assesses attain attains augment augments automate automates avoid avoids
benchmark benchmarks benchmarking bridge bridges bring brings build builds building capture captures challenge
challenges characterize characterizes claim claims collect collects combine combines combining compare compares
comparing compute computes computing conduct conducts connect connects consider considers construct constructs
constructing contribute contributes control controls create creates creating cut cuts decrease decreases define
defines deliver delivers demonstrate demonstrates demonstrating derive derives describe describes design designs
designing detect detects detecting determine determines develop develops developing discover discovers
discovering discuss discusses eliminate eliminates employ employs enable enables enabling encourage encourages
enforce enforces enhance enhances enhancing ensure ensures establish establishes estimate estimates estimating
evaluate evaluates evaluating examine examines examining experiments explain explains explaining exploit
exploits exploiting explore explores exploring expose exposes extend extends extending extract extracts
extracting fill fills find finds finding findings fix fixes focus focuses formulate formulates generalize
generalizes generate generates generating give gives giving guide guides handle handles help helps highlight
highlights identify identifies identifying implement implements improve improves improving incorporate
incorporates incorporating increase increases increasing infer infers integrate integrates integrating introduce
introduces introducing investigate investigates investigating keep keeps label labels learn learns learning
leverage leverages leveraging limit limits link links localize localizes maintain maintains make makes making
match matches maximize maximizes measure measures measuring minimize minimizes mitigate mitigates model models
modeling modelling modify modifies motivate motivates need needs obtain obtains offer offers open opens optimize
optimizes optimizing outperform outperforms outperforming overcome overcomes perform performs performing point
points pose poses predict predicts predicting present presents presenting preserve preserves prevent prevents
produce produces promote promotes proof proofs propose proposed proposes proposing prove proves provide provides
providing push pushes question questions rank ranks reach reaches read reads recast recasts recognize recognizes
recommend recommends reconstruct reconstructs recover recovers reduce reduces reducing reformulate reformulates
regularize regularizes release releases releasing rely relies remove removes replace replaces replacing report
reports represent represents require requires research researchers results reuse reuses reveal reveals review
reviews reviewing revisit revisits revisiting scale scales scaling score scores search searches segment segments
select selects separate separates set sets share shares show shows showing simplify simplifies simulate
simulates solve solves solving speed speeds state states study studies studying suggest suggests summarize
summarizes support supports survey surveys surveying synthesize synthesizes tackle tackles tackling take takes
teach teaches test tests testing track tracks train trains training transfer transfers transform transforms
translate translates treat treats tune tunes understand understanding unify unifies unifying use uses used using
allowing applied approach approaches attempt attempts augmenting concerned don't equipping illuminate illuminates
linking modifying utilize utilizes utilizing validate validates verify verifies work works write writes yield yields
"""
_OPENERS = frozenset(_OPENING.split())
_WORD = re.compile(r"[^\W_](?:[\w'\u2019.+/&-]*[^\W_+]|)\+*")
_POSSESSIVE = re.compile(r"['\u2019]s?$")
_SENTENCE_END = re.compile(r"(?:^|[.!?:;][\"'\u201d\u2019)\]]*\s)[\s\"'\u201c\u2018(\[]*$")
_PARTS = re.compile(r"[-/&]")
#: Words between the words of a name that give no letter to its acronym.
_SMALL = frozenset({"of", "the", "and", "for", "in", "to", "with", "on", "by", "a", "an"})
#: Letters from which on the initials of any words in a row are no accident.
_ENOUGH = 4
#: Letters that two forms of a word share at least.
_STEM = 5


class Name(NamedTuple):
    """A word that names something, and where it stands."""

    start: int
    end: int
    word: str
    shaped: bool
    """Whether capitals or digits inside of it make it a name; else the first letter alone does."""
    initial: bool
    """Whether it begins a sentence, where ordinary words are capitalized too; only asked where that matters."""


def names(text: str) -> Iterator[Name]:
    """The words of a text that name something, in order."""
    for found in _WORD.finditer(text):
        word = _POSSESSIVE.sub("", found.group())
        if _is_shaped(word):
            yield Name(found.start(), found.start() + len(word), word, shaped=True, initial=False)
        elif word[0].isupper() and len(word) > 1:
            initial = _SENTENCE_END.search(text[: found.start()]) is not None
            if not (initial and word.lower() in _OPENERS):
                yield Name(found.start(), found.start() + len(word), word, shaped=False, initial=initial)


def forms(name: Name) -> Iterator[str]:
    """The name, and what it may be in the paper: without the s of the plural, or with one."""
    yield name.word
    if name.word.endswith("s"):
        yield name.word[:-1]
    else:
        yield f"{name.word}s"


def parts(name: Name) -> list[Name]:
    """The names in a compound, such as BERT in `BERT-based`; none when its parts are no names by themselves."""
    pieces = _PARTS.split(name.word)
    if len(pieces) == 1 or any(piece.isdigit() for piece in pieces):
        return []
    found = [name._replace(word=piece, shaped=_is_shaped(piece)) for piece in pieces if piece]
    return [part for part in found if part.shaped or (part.word[0].isupper() and len(part.word) > 1)]


def spelled_out(acronym: str, text: str) -> bool:
    """Whether words in a row begin with the letters of the acronym: all of them capitalized, or at least four."""
    letters = acronym.removesuffix("s")
    if not (letters.isupper() and letters.isalpha() and len(letters) > 1):
        return False
    words = [word for word in re.findall(r"[^\W\d_]+", text) if word.lower() not in _SMALL]
    initials = "".join(word[0] for word in words)
    return letters in initials or (len(letters) >= _ENOUGH and letters.lower() in initials.lower())


def derived(word: str, text: str) -> bool:
    """Whether a text has an ordinary word with the same stem: `Regularizing` from `regularization`."""
    stem = word.lower()[: max(_STEM, len(word) * 2 // 3)]
    return len(word) >= _STEM and re.search(rf"(?<![^\W_]){re.escape(stem)}[a-z]*", text) is not None


def _is_shaped(word: str) -> bool:
    rest = word[1:]
    return rest != rest.lower() or (any(map(str.isdigit, word)) and any(map(str.isalpha, word)))
