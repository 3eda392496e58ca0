"""What one person sees and says. Everything here goes to the page or comes from it, so nothing tells the runs apart."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from evals.annotating.agreement import Standing, standing
from evals.annotating.gold import GoldFields, GoldMethod, Problem, Source, check, offered
from evals.annotating.label_file import LabelFile, Labels
from evals.annotating.labels import (
    QUESTION,
    Answers,
    Gold,
    Label,
    Run,
    Seen,
    Undo,
    Verdict,
    blind,
    run_on_the_left,
    unblind,
)
from evals.annotating.pairs import Pair
from evals.statistics import Interval
from summarizer.extension import Frozen

#: The page counts a person's labels when those of so many pairs are new: one that moved the rate by itself would tell
#: which side was B.
AT_A_TIME = 10


class PostedLabel(Frozen):
    """A label as the page sends it."""

    pair: str
    verdict: Verdict
    left: Answers
    right: Answers


class PostedGold(Frozen):
    """Gold as the page sends it."""

    pair: str
    gold: GoldFields


class Progress(Frozen):
    """How far this person is."""

    annotator: str
    pairs: int
    labelled: int
    next: int | None
    """Place of the next pair without a label; null when all have one."""


class Shown(Frozen):
    """One pair as the page shows it."""

    place: int
    pair: str
    title: str
    abstract: str
    left: str
    right: str
    seen: Seen | None
    """What this person has said about it."""
    offers: GoldFields
    """What either side says, to pick from."""
    gold: GoldFields
    """To begin with: what this person has stored, else what the suite has."""
    has_gold: bool
    """Whether this person has stored some."""


class Undone(Frozen):
    """The label that was taken back, to be corrected."""

    place: int
    seen: Seen


class GoldStored(Frozen):
    """Gold as it is stored, in the spelling of the paper; nothing is when there are problems."""

    gold: GoldFields | None
    problems: tuple[Problem, ...]


class Told(Frozen):
    """How it stands, for people."""

    lines: tuple[str, ...]


class UnknownPairError(LookupError):
    """The page speaks of a pair that is not here: it is of another time."""


class Session:
    """One person who labels. All of it may be called from several threads."""

    def __init__(self, pairs: Sequence[Pair], file: LabelFile, annotator: str, seed: int) -> None:
        """`pairs` in the order in which they are shown."""
        self.pairs, self.file, self.annotator, self.seed = tuple(pairs), file, annotator, seed
        self._places = {pair.key: place for place, pair in enumerate(self.pairs)}
        self._documents = {pair.key: pair.document for pair in self.pairs}
        # What was stored before was told when that session ended.
        self._told = {label.pair: label for label in self._mine(file.read())}

    def progress(self, after: int = -1) -> Progress:
        """How far it is, and where it goes on: the next open pair behind the place `after`, else the first one."""
        labels = self.file.read()
        open_ = [place for place, pair in enumerate(self.pairs) if self._label(labels, pair) is None]
        return Progress(
            annotator=self.annotator,
            pairs=len(self.pairs),
            labelled=len(self.pairs) - len(open_),
            next=next((place for place in open_ if place > after), open_[0] if open_ else None),
        )

    def show(self, place: int) -> Shown:
        """The pair at a place, counted from 0; `UnknownPairError` when there is none."""
        if not 0 <= place < len(self.pairs):
            raise UnknownPairError
        pair, labels = self.pairs[place], self.file.read()
        label, gold = self._label(labels, pair), self._gold(labels, pair)
        left, source = self._left(pair), Source(pair.title, pair.abstract)
        offers = offered((pair.a, pair.b), source)
        return Shown(
            place=place,
            pair=pair.key,
            title=pair.title,
            abstract=pair.abstract,
            left=pair.summary(left),
            right=pair.summary("b" if left == "a" else "a"),
            seen=None if label is None else self._seen(label, pair),
            offers=offers,
            gold=gold.gold if gold else _known(pair, offers, source),
            has_gold=gold is not None,
        )

    def label(self, posted: PostedLabel) -> Progress:
        """Store a label; it takes the place of the one before."""
        pair = self._pair(posted.pair)
        self.file.append(
            Label(
                annotator=self.annotator,
                time=_now(),
                suite=pair.suite,
                id=pair.id,
                pair=pair.key,
                question=QUESTION,
                seed=self.seed,
                left_run=self._left(pair),
                seen=Seen(verdict=posted.verdict, left=posted.left, right=posted.right),
            )
        )
        return self.progress(self._places[pair.key])

    def undo(self) -> Undone | None:
        """Take this person's last label back; None when there is none."""
        last = next(reversed(self._mine(self.file.read())), None)
        if last is None:
            return None
        place = self._places[last.pair]
        seen = self._seen(last, self.pairs[place])
        self.file.append(Undo(annotator=self.annotator, time=_now(), suite=last.suite, id=last.id, pair=last.pair))
        return Undone(place=place, seen=seen)

    def gold(self, posted: PostedGold) -> GoldStored:
        """Store gold if the paper has the words."""
        pair = self._pair(posted.pair)
        gold, problems = check(posted.gold, Source(pair.title, pair.abstract))
        if problems:
            return GoldStored(gold=None, problems=tuple(problems))
        self.file.append(
            Gold(
                annotator=self.annotator,
                time=_now(),
                suite=pair.suite,
                id=pair.id,
                title=pair.title,
                abstract=pair.abstract,
                gold=gold,
            )
        )
        return GoldStored(gold=gold, problems=())

    def standing(self) -> Standing:
        """All that is known."""
        return standing(self.file.read().labels, self._documents)

    def told(self) -> Told:
        """How it stands, without what would tell which side was which."""
        labels = self.file.read()
        mine = {label.pair: label for label in self._mine(labels)}
        known = self._told
        if sum(known.get(pair) != mine.get(pair) for pair in known | mine) >= AT_A_TIME:
            self._told = known = mine
        others = [label for label in labels.labels if label.annotator != self.annotator]
        return Told(lines=tuple(tell(standing([*others, *known.values()], self._documents))))

    def strangers(self) -> int:
        """Labels in the file that are of other answers, or of another question, and do not count here."""
        known = self._documents
        return sum(label.pair not in known or label.question != QUESTION for label in self.file.read().labels)

    def _mine(self, labels: Labels) -> list[Label]:
        return [label for label in labels.labels if label.annotator == self.annotator and self._counts(label)]

    def _counts(self, label: Label) -> bool:
        return label.pair in self._places and label.question == QUESTION

    def _label(self, labels: Labels, pair: Pair) -> Label | None:
        label = labels.label_of(self.annotator, pair.key)
        return label if label is not None and self._counts(label) else None

    def _gold(self, labels: Labels, pair: Pair) -> Gold | None:
        """What this person has stored for the paper as it stands now."""
        gold = labels.gold_of(self.annotator, pair.suite, pair.id)
        return gold if gold and (gold.title, gold.abstract) == (pair.title, pair.abstract) else None

    def _seen(self, label: Label, pair: Pair) -> Seen:
        """A label as it looks now: with another seed the sides may be exchanged."""
        return blind(unblind(label.seen, label.left_run), self._left(pair))

    def _left(self, pair: Pair) -> Run:
        return run_on_the_left(self.seed, self.annotator, pair.key)

    def _pair(self, key: str) -> Pair:
        if key not in self._places:
            raise UnknownPairError
        return self.pairs[self._places[key]]


def tell(found: Standing) -> Iterator[str]:
    """How it stands, a line for each thing; the runs are A and B, as on the command line."""
    counts = ", ".join(f"{name} {count}" for name, count in found.people.items())
    yield f"counted labels: {counts or 'none yet'}"
    wins = found.wins
    yield f"better: A {wins.a}, B {wins.b}, tie {wins.tie}, both bad {wins.both_bad} (papers)"
    if wins.rate.value is not None:
        yield f"B is better in {_figure(wins.rate, 0)} % of the papers with a winner"
    if wins.clear:
        yield f"it is clear that {wins.clear.upper()} is better: more labels will hardly change it"
    for agreement in found.agreements:
        yield (
            f"{agreement.people[0]} and {agreement.people[1]} on {agreement.pairs} papers: the same in "
            f"{_figure(agreement.same, 0)} %, kappa {_figure(agreement.kappa, 2)}, of the four questions "
            f"{_figure(agreement.answers, 2)}"
        )
    if found.alpha is not None:
        yield f"all together: Krippendorff's alpha {_figure(found.alpha, 2)}"


def _figure(interval: Interval, digits: int) -> str:
    if interval.value is None:
        return "undefined"
    if interval.low is None or interval.high is None:
        return f"{interval.value:.{digits}f} (too little for an interval)"
    return f"{interval.value:.{digits}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def _known(pair: Pair, offers: GoldFields, source: Source) -> GoldFields:
    """What the gold of the suite says, as far as it fits: it has no evidence for results, and no roles for methods."""
    gold = pair.gold
    roles: Mapping[str, GoldMethod] = {method.name: method for method in offers.methods or ()}
    names = {
        kind: tuple(filter(None, (source.find(name.name) for name in known if name.stated)))
        for kind, known in gold.names.items()
    }
    methods = names.get("method")
    with_roles = None if methods is None else tuple(roles[name] for name in methods if name in roles)
    return GoldFields(
        tldr=gold.summaries[0] if gold.summaries else None,
        contribution=gold.contribution,
        tasks=names.get("task"),
        methods=with_roles or None,
        datasets=names.get("dataset"),
        metrics=names.get("metric"),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
