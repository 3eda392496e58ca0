"""The canonical form of a mention: one label for `Class Incremental Learning` and `class-incremental learning`.

The form depends on nothing but the mention, so that the digest of Tuesday has the labels of Monday's. Mentions that
differ only in how they are written have one: in case, plural, hyphens and spaces, American or British spelling, Unicode
or LaTeX.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

import simplemma

from summarizer.acronyms import definitions, is_acronym, singular
from summarizer.folding import fold

#: A word of a label, in the form in which labels are compared: lower case, singular, without hyphens.
Word = str
#: What a word as written stands for; empty when it is no acronym.
Expand = Callable[[str], Sequence[Word]]

_POSSESSIVE = re.compile(r"'[sS]?(?![^\W_])")
#: Signs that belong to letters and are none to Python: accents that were not composed, vowels of Indian scripts.
_SIGNS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff\u0e31-\u0eff\u0f71-\u0fbc\u102b-\u109d\u17b4-\u17d3"
_CHUNK = re.compile(rf"[^\W_](?:[\w{_SIGNS}.+#&^'*-]*[\w{_SIGNS}+#*])?")
_LONG = re.compile(r"[^\W\d_]{4,}")
_PART = re.compile(r"[^\W_](?:[^-_]*[^.&^'_-])?")
_INDEX = re.compile(r"(?<![^\W_])([^\W\d_])_(?=\d)")
#: A name and its number: `gpt4`, `llama3.1`, `gpt4o`, `dinov2`; but not `word2vec`, `f1`, `h100` or `co2`.
_NUMBERED = re.compile(r"(?!co2)([^\W\d_]{2,}?)((?:(?<!con)v)?\d+(?:\.\d+)*[a-z]?)")
_NUMBER = re.compile(r"\d+(?:\.\d+)*(?:[a-ce-z])?")

_PREFIX_LIST = """
anti auto bio cross fine geo hetero hyper inter intra meta micro multi neuro non omni poly post pre pseudo quasi self
semi spatio sub super tele ultra
"""
#: What is written as one word with what follows, where the dictionary has that (`multitask`), or else with a hyphen.
_PREFIXES = frozenset(_PREFIX_LIST.split())
#: These are words as well, and prefixes only where a hyphen says so: `re-ranking`.
_SHORT_PREFIXES = frozenset({"bi", "co", "de", "re", "tri", "un", "uni"})
#: The dictionary has `finetuning` as well, which everybody writes with a hyphen.
_FINE = ("grained", "tune", "tuned", "tuning")
#: Longest run of parts with hyphens that may be one name.
_MOST_PARTS = 4
_SECOND_PARTS = """
agnostic augmented aware based centric conditioned driven enhanced grained guided informed invariant level oriented
shot specific wise
"""
#: What takes a hyphen behind what precedes it, when something follows.
_COMPOUNDING = frozenset(_SECOND_PARTS.split())
_DEGREES = frozenset({"high", "long", "low", "short"})
_MEASURED = "dimensional fidelity frequency latency order precision quality range rank resolution term"
_OF_DEGREE = frozenset(_MEASURED.split())
_ORIGINS = frozenset(
    {"audio", "coarse", "code", "data", "face", "graph", "image", "local", "many", "music", "one", "point"}
)
_ORIGINS |= {"sequence", "sim", "sketch", "speech", "table", "text", "video", "vision", "voice"}
_LINKS = frozenset({"and", "for", "in", "of", "on", "or", "to", "with"})
#: `a` is none: it may be the first half of `A/B testing`.
_ARTICLES = frozenset({"an", "the"})
_KINDS = frozenset({"algorithm", "framework", "learning", "method", "model", "network", "optimizer", "system"})
_COUNTED = frozenset({"bit", "dimensional", "hop", "layer", "shot", "stage", "step", "way"})
_HALVES = """
auto|encoder auto|encoding auto|regressive back|bone back|door back|propagation base|line bench|mark block|chain
bottle|neck brain|wave chat|bot check|point code|base data|base data|set down|sampling down|stream drop|out feed|back
feed|forward flow|chart foot|print fore|casting frame|work hand|writing head|line in|painting key|frame key|phrase
key|point key|word land|mark light|weight look|ahead name|space net|work note|book off|line on|line out|lier
out|painting over|confidence over|confident over|estimation over|fitting over|parameterization over|parameterized
over|parametrized over|refusal over|sampling over|smoothing over|squashing over|thinking pay|load photo|realistic
play|back pre|train pre|trained pre|training road|map run|time soft|max sound|track speed|up spread|sheet sub|word
time|stamp time|step tool|kit trade|off tree|bank under|estimation under|fitting under|sampling under|water
up|sampling view|point wall|time wave|form wave|let way|point web|page web|site word|net work|flow work|load
yard|stick
"""
#: What is written as one word, two words, or with a hyphen.
_COMPOUNDS = frozenset(_HALVES.split())
_BEFORE_ISE = "ag al an ar as at el en er es et gn ic il im in it ll nt og om on or ot rd tr ur yn yr"
_BRITISH = re.compile(rf"(?<={'|'.join(_BEFORE_ISE.split())})is(?=(?:e[drs]?|ers?|ing|ations?)$)")
_NOT_BRITISH = ("promis", "compromis", "aris")
_SPELLINGS = {
    "analyse": "analyze",
    "analysed": "analyzed",
    "analyser": "analyzer",
    "behaviour": "behavior",
    "behavioural": "behavioral",
    "centre": "center",
    "colour": "color",
    "defence": "defense",
    "fibre": "fiber",
    "labelled": "labeled",
    "labelling": "labeling",
    "modelled": "modeled",
    "modelling": "modeling",
    "neighbour": "neighbor",
    "neighbourhood": "neighborhood",
    "programme": "program",
    "signalling": "signaling",
    "travelling": "traveling",
    "tumour": "tumor",
}
#: Plurals of which the dictionary has no or another singular, and words that look like plurals.
_SINGULARS = {
    "axes": "axis",
    "fixes": "fix",
    "focuses": "focus",
    "halves": "half",
    "leaves": "leaf",
    "lenses": "lens",
    "lives": "life",
    "masses": "mass",
}
_NAMES = """
adams aids analytics aws bayes davis gibbs graphics hawkes hermes hopkins kubernetes mars mems pandas reuters sars
statistics stokes timeseries torus
"""
_NO_PLURALS = frozenset(_NAMES.split())
_SINGULAR_ENDING = re.compile(r"(?:ss|us|is|as|os|ics)$")
#: Plurals without an s.
_FOREIGN_PLURALS = """
alumni automata bacteria children corpora criteria equilibria errata feet foci formulae fungi ganglia genera lemmata
loci maxima memoranda men mice minima mitochondria nuclei optima phenomena quanta radii schemata spectra stimuli strata
symposia teeth tori women
"""
_PLURALS = frozenset(_FOREIGN_PLURALS.split())


def words_of(mention: str, expand: Expand = lambda _: ()) -> tuple[Word, ...]:
    """The words by which a mention is compared; `expand` is asked about each word, with case and hyphens."""
    text = _INDEX.sub(r"\1", _POSSESSIVE.sub("", fold(_unshouted(mention), joined=False).text))
    for short, *_ in definitions(text):
        # `sparse autoencoders (SAEs)` and `SAE (sparse autoencoder)` are said twice.
        text = re.sub(rf"(?<!\w){re.escape(short)}s?(?=\s*[)(\]\[,;])", "", text)
    found: list[Word] = []
    for chunk in _CHUNK.findall(text):
        found += _words_of_chunk(chunk, expand)
    while len(found) > 1 and found[0] in _ARTICLES:
        del found[0]
    return said_once(tuple(_joined(found)))


def said_once(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words without a kind that is said twice: `LLM models` is spelled out as `large language model model`."""
    pairs = zip(("", *words), words, strict=False)
    return tuple(word for before, word in pairs if word != before or word not in _KINDS)


def label_of(words: Sequence[Word], pieces: Iterable[tuple[int, str]] | None = None) -> str:
    """The label that shows these words, with the hyphens that are usual.

    `pieces` are what is shown instead of single words: the number of the first word, and a text.
    """
    text = ""
    for number, piece in enumerate(words) if pieces is None else pieces:
        text += ("" if not number else "-" if _is_hyphened(words, number) else " ") + piece
    return text


def _unshouted(mention: str) -> str:
    """A mention in capitals throughout in small letters: of its words nobody can tell which are acronyms."""
    is_shouted = mention.isupper() and any(_is_known(word.lower()) for word in _LONG.findall(mention))
    return mention.lower() if is_shouted and (" " in mention or len(mention) > 6) else mention


def _words_of_chunk(chunk: str, expand: Expand) -> Iterator[Word]:
    parts = _PART.findall(chunk) if "-" in chunk or "_" in chunk else [chunk]
    number = 0
    while number < len(parts):
        # `R-CNN` is a name in `R-CNN-based`.
        for end in range(min(number + _MOST_PARTS, len(parts)), number, -1):
            if expansion := expand("-".join(parts[number:end])):
                yield from expansion
                number = end
                break
        else:
            if parts[number] in _SHORT_PREFIXES and number + 1 < len(parts):
                parts[number + 1] = parts[number] + parts[number + 1]
            else:
                yield from _words_of_part(parts[number])
            number += 1


def _joined(words: Sequence[Word]) -> Iterator[Word]:
    """The words, with prefixes and halves of compounds joined to what follows."""
    number = 0
    while number < len(words):
        word, after = words[number], words[number + 1] if number + 1 < len(words) else ""
        number += 1
        if _is_one(word, after):
            word, number = _singular(word + after), number + 1
        yield word


def _is_one(word: Word, after: Word) -> bool:
    if f"{word}|{after}" in _COMPOUNDS or (after == "d" and word.isdigit()):
        return True
    return word in _PREFIXES and after.isalpha() and after not in _LINKS and _is_written_as_one(word, after)


def _is_written_as_one(prefix: str, rest: str) -> bool:
    return _is_known(prefix + rest) and not (prefix == "fine" and rest in _FINE)


@lru_cache(maxsize=65536)
def _words_of_part(part: str) -> tuple[Word, ...]:
    return _taken_apart(_singular(part))


def _taken_apart(word: Word) -> tuple[Word, ...]:
    """`gpt4` as two words, and `multihead`, which is a prefix and a word and none of the dictionary."""
    if numbered := _NUMBERED.fullmatch(word):
        return _singular(numbered[1]), numbered[2]
    for prefix in _PREFIXES:
        rest = word.removeprefix(prefix)
        if rest != word and len(rest) > 3 and not _is_written_as_one(prefix, rest) and _is_known(rest):
            return prefix, rest
    return (word,) if word else ()


@lru_cache(maxsize=65536)
def _singular(written: str) -> Word:
    if written[-1:] == "S" and is_acronym(written):
        return written  # `SMILES` is no plural, and keeps its capitals so that this is seen again
    word = _american(singular(written).lower().rstrip(".&^'"))
    while (shorter := _one_of(word)) != word:
        word = shorter
    return word


def _american(word: str) -> str:
    if word in _SPELLINGS:
        return _SPELLINGS[word]
    american = word if word.startswith(_NOT_BRITISH) else _BRITISH.sub("iz", word)
    return american if american != word and _is_known(american) else word


def _one_of(word: str) -> str:
    """The singular of a plural."""
    if word in _SINGULARS:
        return _SINGULARS[word]
    is_plural = word in _PLURALS or (len(word) > 3 and word[-1] == "s" and word not in _NO_PLURALS)
    if not is_plural or not word.isalpha():
        return word
    if _is_known(word):
        lemma: str = _american(simplemma.lemmatize(word, lang="en").lower())
        # What is longer than its plural is no plural's singular, but for the foreign ones; so this comes to an end.
        return lemma if lemma.isalpha() and (len(lemma) <= len(word) or word in _PLURALS) else word
    return word if _SINGULAR_ENDING.search(word) else word[:-1]


@lru_cache(maxsize=65536)
def _is_known(word: str) -> bool:
    return bool(simplemma.is_known(word, lang="en"))


def _leads(first: Word, second: Word) -> bool:
    """Whether `text to image` is one word with hyphens, which `extensions to images` is not."""
    return first == second or first in _ORIGINS


def _is_hyphened(words: Sequence[Word], number: int) -> bool:
    """Whether a hyphen stands before the word of this number."""
    before, word, last = words[number - 1], words[number], number == len(words) - 1
    if word == "to":
        return not last and _leads(before, words[number + 1])
    if before == "to":
        return number > 1 and _leads(words[number - 2], word)
    if _NUMBER.fullmatch(word):
        counts = not last and words[number + 1] in _COUNTED
        return before.isalpha() and len(before) > 1 and not counts
    if _NUMBER.fullmatch(before):
        return word in _COUNTED
    if before in _PREFIXES or (before in _DEGREES and word in _OF_DEGREE):
        return word not in _LINKS
    return word in _COMPOUNDING and not last and words[number + 1] not in _LINKS and before.isalnum()
