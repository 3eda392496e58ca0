"""Invented papers, as records, for the tests of the digests."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import ValidationError

from summarizer.records import (
    Caution,
    Contribution,
    Evidence,
    Facet,
    Failure,
    Flag,
    Link,
    Mention,
    Method,
    Provenance,
    Record,
    Result,
    ResultKind,
    Role,
    Source,
    Tag,
    Tldr,
    Tokens,
)

PROVENANCE = Provenance(
    key="0" * 64,
    backend="scripted",
    model="small-reader",
    revision=None,
    adapter=None,
    dtype=None,
    prompt="annotate/v1",
    prompt_sha256="1" * 64,
    schema_sha256="2" * 64,
    language="English",
    abstract_sha256="3" * 64,
    structured_mode="json_schema",
    attempts=1,
    tokens=Tokens(prompt=900, completion=210),
    cost_usd=None,
    cached=False,
    seconds=0.4,
    created_at="2026-03-02T08:00:00Z",
)


class Draft:
    """Builds one record whose evidence is found where the text has it."""

    def __init__(self, number: int, title: str, abstract: str, **known: Any) -> None:
        """Start a record; `known` are further fields of it."""
        self.title, self.abstract = title, abstract
        self.fields: dict[str, Any] = {
            "id": f"paper-{number:04}",
            "title": title,
            "abstract": abstract,
            "source": Source(name="papers.jsonl", line=number),
            "status": "ok",
            "provenance": PROVENANCE,
            **known,
        }

    def evidence(self, quote: str) -> Evidence:
        """Find the quote exactly, or with other line breaks, or not at all."""
        for where, text in (("abstract", self.abstract), ("title", self.title)):
            for match, seen in (("exact", text), ("folded", text.replace("\n", " "))):
                start = seen.find(quote)
                if start >= 0:
                    return Evidence.model_validate(
                        {"quote": quote, "start": start, "end": start + len(quote), "match": match, "where": where}
                    )
        return Evidence(quote=quote, match="absent")

    def tagged(self, facet: Facet, label: str, mention: str | None = None) -> "Draft":
        """Add a tag, with evidence when it comes from a mention."""
        found = self.evidence(mention) if mention else None
        return self._add("tags", Tag(facet=facet, label=label, mention=mention, evidence=found))

    def method(self, name: str, role: Role) -> "Draft":
        """Add a method."""
        return self._add("methods", Method(name=name, role=role, evidence=self.evidence(name)))

    def named(self, datasets: str = "", metrics: str = "") -> "Draft":
        """Add data sets and metrics, separated by semicolons."""
        for field, names in (("datasets", datasets), ("metrics", metrics)):
            for name in filter(None, names.split("; ")):
                self._add(field, Mention(name=name, evidence=self.evidence(name)))
        return self

    def result(self, value: str, unit: str, kind: ResultKind, quote: str, *flags: Flag, **cells: str) -> "Draft":
        """Add a result with its flags; `cells` are metric, dataset, method and baseline_value."""
        empty = dict.fromkeys(("metric", "dataset", "method", "baseline_value"))
        number = float(value) if value.replace(".", "").isdigit() else None
        made = {**empty, **cells, "value": value, "unit": unit, "kind": kind, "number": number}
        return self._add(
            "results",
            Result.model_validate(
                {**made, "evidence": self.evidence(quote), "value_evidence": self.evidence(value), "flags": flags}
            ),
        )

    def record(self, summary: str, contribution: Contribution | None = "method", *unsupported: str) -> Record:
        """Finish the record with its summary and the numbers in it that the abstract does not have."""
        said = Tldr(text=summary, unsupported=unsupported)
        return Record.model_validate({**self.fields, "tldr": said, "contribution": contribution})

    def extractive(self, sentence: str, contribution: Contribution | None = "method") -> Record:
        """Finish the record with a sentence of the abstract in place of a summary."""
        said = Tldr(text=sentence, origin="abstract", evidence=self.evidence(sentence))
        return Record.model_validate({**self.fields, "tldr": said, "contribution": contribution})

    def unanswered(self, status: str, failure: Failure) -> Record:
        """Finish the record as one that got no answer."""
        return Record.model_validate({**self.fields, "status": status, "failure": failure, "provenance": None})

    def _add(self, field: str, entry: object) -> "Draft":
        self.fields[field] = (*self.fields.get(field, ()), entry)
        return self


def astral() -> Record:
    """A record with characters beyond the basic plane before its evidence, and with spans that nest and cross."""
    abstract = (
        "🧭🧭 We steer 🜁-networks 🛰 with compass pretraining on the OrbitMaps corpus. On OrbitMaps, compass "
        "pretraining with route replay lowers drift error from 9.4% to 6.1% 🚀, and route replay alone reaches 7.7%."
    )
    return (
        Draft(11, "🜁-networks that know where north is", abstract, published="2026-02-27")
        .tagged("field", "robotics")
        .tagged("task", "steering", "steer 🜁-networks")
        .method("compass pretraining", "proposed")
        .method("compass pretraining with route replay", "proposed")
        .method("pretraining on the OrbitMaps", "used")
        .method("🜁-networks 🛰 with compass", "used")
        .named("OrbitMaps; OrbitMaps corpus", "drift error; error")
        .result(
            "6.1",
            "%",
            "absolute",
            "with route replay lowers drift error from 9.4% to 6.1% 🚀",
            metric="drift error",
            dataset="OrbitMaps",
            baseline_value="9.4",
        )
        .result("7.7", "%", "absolute", "route replay alone reaches 7.7%", metric="drift error", method="route replay")
        .record("Compass pretraining with route replay lowers the drift error on OrbitMaps from 9.4% to 6.1%.")
    )


def marked() -> list[Record]:
    """Two papers with every mark there is: unsupported, doubtful, folded, extractive, missing, missed."""
    ice = (
        "Sea ice moves with wind and current. We present FloeCast, a graph\nnetwork that predicts the drift of single "
        "floes. On DriftBuoys-2020 the mean position error falls from 9.6 km to 7.1 km after three days, and on "
        "FloeTracks from 6.4 km to 5.9 km. FloeCast needs 38% less memory than SeaIceLSTM, and runs 12 times faster."
    )
    loam = "Soils are many.\nLoamNet reads $\\approx 4.5$ million spectra. It names 91% of the horizons."
    missed = Evidence(quote="12 times", start=ice.index("12 times"), end=ice.index("12 times") + 8, match="exact")
    return [
        Draft(
            1,
            "FloeCast: where single floes of sea ice will be in three days",
            ice,
            url="https://papers.example.org/abs/2603.00201",
            authors=("Siv Aune", "Ole Brand"),
            published="2026-03-03",
            status="partial",
            warnings=(
                Caution(code="absent_task", message="tasks that are not in the text make no tag: weather forecasting"),
                Caution(code="missed_result", message="12 times: claimed, and in no result", evidence=missed),
            ),
        )
        .tagged("field", "earth science")
        .tagged("task", "drift prediction", "predicts the drift")
        .tagged("task", "navigation", "ship routing")
        .method("FloeCast", "proposed")
        .method("graph network", "used")
        .method("SeaIceGAN", "compared")
        .named("DriftBuoys-2020; FloeTracks; ArcticBuoyPositionsReanalysisArchive", "mean position error")
        .result(
            "7.1",
            "km",
            "absolute",
            "FloeCast lowers the error on DriftBuoys-2020 to 7.1 km",
            metric="mean position error after three days",
            dataset="DriftBuoys-2020",
            method="FloeCast graph network",
            baseline_value="9.6",
        )
        .result(
            "5.9",
            "km",
            "absolute",
            "on FloeTracks from 6.4 km to 5.9 km",
            "metric_absent",
            "baseline_absent",
            metric="root-mean-square-displacement-error",
            dataset="FloeTracks",
            method="FloeCast",
            baseline_value="6.8",
        )
        .result(
            "83",
            "%",
            "change",
            "FloeCast needs 38% less memory than SeaIceLSTM",
            "value_absent",
            metric="memory",
            method="FloeCast",
        )
        .result(
            "7.1",
            "km",
            "absolute",
            "on FloeTracks from 6.4 km to 5.9 km",
            "value_elsewhere",
            "value_reused",
            "dataset_absent",
            metric="error",
            dataset="FloeTracks-2",
        )
        .record(
            "FloeCast, a graph network, cuts the drift error of sea ice by 26% with SeaIceGAN.",
            "method",
            "26%",
            "SeaIceGAN",
        ),
        Draft(2, "Reading soils", loam, status="partial", warnings=(Caution(code="stand_in", message="it stands in"),))
        .method("LoamNet", "proposed")
        .result("91", "%", "absolute", "91% of all horizons")
        .result("4.5", "", "finding", "LoamNet reads $\\approx 4.5$ million spectra")
        .extractive("LoamNet reads $\\approx 4.5$ million spectra.", None),
    ]


def papers() -> list[Record]:
    """A dozen papers of all kinds: supported and not, failed and skipped, long and empty."""
    return [*_vision(), *_language(), *_others(), astral(), *_unanswered()]


def _vision() -> list[Record]:
    tiles = (
        "Satellite images are rarely free of clouds. We introduce TileMend, a diffusion model that fills cloudy tiles\n"
        "from radar passes of the same week. On the CloudGap benchmark TileMend reaches a PSNR of 34.2 dB, 2.9 dB\n"
        "above RadarFill, and halves the inference time. Code is at https://github.com/example/tilemend."
    )
    hands = (
        "Estimating hand pose from a single egocentric camera fails when the hands hold tools. GripNet predicts "
        "contact before pose and needs no depth. It lowers the mean joint error on ToolHands from 14.8 mm to 11.3 mm "
        "and on EgoGrasp from 12.1 mm to 10.9 mm, with 41% fewer parameters than HandFormer."
    )
    shades = (
        "Do vision transformers see shading as humans do? We show 2,400 rendered spheres to 17 pretrained models and "
        "to 60 people. Only 3 of 17 models share the human light-from-above prior, and fine-tuning on ShapeShade "
        "restores it within 200 steps."
    )
    return [
        Draft(
            1,
            "TileMend: filling cloudy satellite tiles from radar",
            tiles,
            url="https://papers.example.org/abs/2603.00101",
            authors=("Ilse Marrow", "Tomas Quill", "Ada Fenn"),
            published="2026-03-01",
            links=(Link(url="https://github.com/example/tilemend", kind="code"),),
        )
        .tagged("field", "computer vision")
        .tagged("modality", "image")
        .tagged("task", "cloud removal", "fills cloudy tiles")
        .method("TileMend", "proposed")
        .method("diffusion model", "used")
        .method("RadarFill", "compared")
        .named("CloudGap", "PSNR; inference time")
        .result("34.2", "dB", "absolute", "TileMend reaches a PSNR of 34.2 dB", metric="PSNR", dataset="CloudGap")
        .result("2.9", "dB", "change", "2.9 dB above RadarFill", metric="PSNR", dataset="CloudGap", method="TileMend")
        .record("TileMend fills cloudy satellite tiles from radar and reaches 34.2 dB PSNR on CloudGap."),
        Draft(
            2,
            "Contact first: egocentric hand pose with tools",
            hands,
            url="https://papers.example.org/abs/2603.00102",
            authors=("Noor Halden", "Pim Ostrava"),
            published="2026-03-01",
            status="partial",
            warnings=(Caution(code="unsupported_number", message="the summary has a number that is not in the text"),),
        )
        .tagged("field", "computer vision")
        .tagged("modality", "video")
        .tagged("task", "hand pose estimation", "Estimating hand pose")
        .method("GripNet", "proposed")
        .method("HandFormer", "compared")
        .named("ToolHands; EgoGrasp; HandWild", "mean joint error")
        .result(
            "11.3",
            "mm",
            "absolute",
            "lowers the mean joint error on ToolHands from 14.8 mm to 11.3 mm",
            metric="mean joint error",
            dataset="ToolHands",
            method="GripNet",
            baseline_value="14.8",
        )
        .result(
            "10.9",
            "mm",
            "absolute",
            "EgoGrasp from 12.1 mm to 10.9 mm",
            metric="mean joint error",
            dataset="EgoGrasp",
            method="GripNet",
            baseline_value="12.1",
        )
        .result("41", "%", "change", "with 41% fewer parameters than HandFormer", metric="parameters", method="GripNet")
        .record("GripNet predicts contact before pose and cuts the joint error on ToolHands by 24%.", "method", "24"),
        Draft(
            3,
            "Do vision transformers know where the light comes from?",
            shades,
            authors=("Jun Abara",),
            published="2026-02-28",
        )
        .tagged("field", "computer vision")
        .tagged("modality", "image")
        .tagged("task", "shape from shading", "see shading")
        .method("vision transformers", "used")
        .method("fine-tuning", "used")
        .named("ShapeShade")
        .result("3", "", "finding", "Only 3 of 17 models share the human light-from-above prior")
        .record(
            "Only 3 of 17 vision models share the human light-from-above prior; brief fine-tuning restores it.", "study"
        ),
    ]


def _language() -> list[Record]:
    recipes = (
        "Procedural text is hard to translate because quantities must survive. We release KitchenParallel, 12,000 "
        "recipes in Frisian, Basque and Maltese, and test four large language models. Quantities are lost in 7.5% of "
        "the Basque steps; copying them through placeholders lowers this to 0.8% at no cost in chrF."
    )
    probes = (
        "Sparse autoencoders (SAEs) are said to find the features of language models. We train SAEs with eight seeds "
        "on the same activations of RiverLM. Only 31% of the features recur in all seeds, and\n"
        "those that recur are more frequent and more interpretable."
    )
    talk = (
        "Meeting transcripts are long, and people ask about decisions rather than words.\n\n"
        "AskTheMinutes keeps an index of decisions and answers questions with a pointer to the minute. In a study with "
        "28 employees, answers were found 3.4x faster than by search, and 92% of the pointers were right."
    )
    return [
        Draft(
            4,
            "KitchenParallel: recipes whose quantities must survive translation",
            recipes,
            url="https://papers.example.org/abs/2603.00104?list=cs&v=1",
            authors=("Maite Urra", "Rikst Dyk", "Karm Vella", "Sol Etxe"),
            published="2026-03-02",
            links=(Link(url="https://zenodo.org/records/000000", kind="data"),),
        )
        .tagged("field", "natural language processing")
        .tagged("modality", "text")
        .tagged("task", "machine translation", "translate")
        .method("large language models", "used")
        .method("placeholders", "proposed")
        .named("KitchenParallel", "chrF")
        .result("7.5", "%", "finding", "Quantities are lost in 7.5% of the Basque steps", dataset="KitchenParallel")
        .result("0.8", "%", "absolute", "lowers this to 0.8%", method="placeholders", baseline_value="7.5")
        .record(
            "A parallel corpus of recipes shows that models lose quantities, and that placeholders keep them.",
            "resource",
        ),
        Draft(
            5,
            "Which features come back? Sparse autoencoders across seeds",
            probes,
            url="https://papers.example.org/abs/2603.00105",
            authors=("Wim Castellan", "Oona Reyes"),
            published="2026-03-02",
        )
        .tagged("field", "interpretability")
        .tagged("modality", "text")
        .tagged("method", "sparse autoencoders", "Sparse autoencoders")
        .tagged("method", "sparse autoencoders", "SAEs")
        .method("Sparse autoencoders", "used")
        .method("RiverLM", "used")
        .result("31", "%", "finding", "Only 31% of the features recur in all seeds, and those that recur")
        .record("Across eight seeds only 31% of the features of a sparse autoencoder recur.", "study"),
        Draft(
            6,
            "AskTheMinutes: answers that point to the minute",
            talk,
            authors=("Bela Storm",),
            published="2026-03-02",
        )
        .tagged("field", "natural language processing")
        .tagged("modality", "text")
        .tagged("modality", "audio")
        .tagged("task", "question answering", "answers questions")
        .tagged("task", "meeting summarization", "Meeting transcripts")
        .method("AskTheMinutes", "proposed")
        .result("3.4", "x", "change", "answers were found 3.4x faster than by search", method="AskTheMinutes")
        .result("92", "%", "absolute", "92% of the pointers were right", method="AskTheMinutes")
        .record("AskTheMinutes indexes decisions in meetings and answers with a pointer to the minute.", "system"),
    ]


def _others() -> list[Record]:
    bandits = (
        "We study linear bandits whose rewards arrive late. If delays have a finite mean, optimism with a waiting list "
        "has regret of order d√T plus the mean delay, and no algorithm can do better in d & T."
    )
    heap = (
        "SlabSaver is an allocator for servers that keep models in memory. It groups tensors by the time they live. On "
        "the ServeMix traces it cuts peak memory by 18% and the 99th percentile of latency from 41 ms to 29 ms."
    )
    maps = "A survey of 140 papers on learned maps for walking robots, with a taxonomy by sensor, terrain and prior."
    plain = "We reply to recent claims about scaling. The claims rest on one data set, and they should be withdrawn."
    return [
        Draft(7, "Late rewards: linear bandits with a waiting list", bandits, authors=("Ane Vogt", "Li Sorrel"))
        .tagged("field", "machine learning")
        .tagged("task", "linear bandits", "linear bandits")
        .method("optimism with a waiting list", "proposed")
        .named("", "regret")
        .record("With late rewards, optimism with a waiting list has the best possible regret in d and T.", "theory"),
        Draft(8, "SlabSaver: an allocator for model servers", heap, url="https://papers.example.org/abs/2603.00108")
        .tagged("field", "systems")
        .tagged("task", "memory allocation", "allocator")
        .method("SlabSaver", "proposed")
        .named("ServeMix", "peak memory; latency")
        .result("18", "%", "change", "cuts peak memory by 18%", metric="peak memory", dataset="ServeMix")
        .result(
            "29",
            "ms",
            "absolute",
            "the 99th percentile of latency from 41 ms to 29 ms",
            metric="latency",
            dataset="ServeMix",
            baseline_value="41",
        )
        .record("SlabSaver groups tensors by lifetime and cuts peak memory by 18% on ServeMix.", "system"),
        Draft(9, "Maps for walking robots: a survey", maps, published="2026-02-20")
        .tagged("field", "robotics")
        .tagged("task", "mapping", "learned maps")
        .record("A survey of learned maps for walking robots, sorted by sensor, terrain and prior.", "survey"),
        Draft(10, "A reply on scaling", plain).record("Recent claims about scaling rest on one data set.", "position"),
    ]


def _unanswered() -> list[Record]:
    return [
        Draft(
            12,
            "Towards a theory of everything we measured",
            "We measured a great deal. This abstract says so at length, and the model never came to an end.",
        ).unanswered(
            "failed",
            Failure(
                kind="truncated",
                message="the answer was cut off at 640 tokens; raise --max-tokens",
                raw='{"tldr": "Much was measured", "contribution": "study", "tasks": ["measure',
            ),
        ),
        Draft(13, "Title without an abstract", "").unanswered(
            "skipped", Failure(kind="no_abstract", message="the record has no abstract, so there is nothing to read")
        ),
    ]


def complete() -> Record:
    """A record in which every field has a value, so that a test that walks over all fields misses none."""
    made = (
        Draft(
            1,
            "Every field of a record",
            "A name and a number 7 in an abstract.",
            url="https://papers.example.org/abs/1",
            authors=("An Author",),
            published="2026-01-01",
            links=(Link(url="https://example.org/code", kind="code"),),
            warnings=(
                Caution(
                    code="a_code",
                    message="a message",
                    evidence=Evidence(quote="abstract", start=28, end=36, match="exact"),
                ),
            ),
            failure=Failure(kind="a_kind", message="a reason", raw="what was said"),
            provenance=PROVENANCE.model_copy(
                update={
                    "revision": "main",
                    "adapter": "none",
                    "dtype": "float32",
                    "vocabulary_sha256": "4" * 64,
                    "retry_of": "5" * 64,
                    "cost_usd": 0.1,
                }
            ),
        )
        .tagged("field", "machine learning", "name")
        .tagged("task", "naming", "A name")
        .method("name", "used")
        .named("name", "number")
        .result("7", "%", "finding", "a number 7", metric="m", dataset="d", method="t", baseline_value="6")
    )
    record = made.record("A summary with 8.", "method", "8")
    said = record.tldr and record.tldr.model_copy(update={"origin": "abstract", "evidence": made.evidence("A name")})
    proposed = (record.tags[-1].model_copy(update={"label": "being named"}),)
    flagged = record.results[0].model_copy(update={"flags": get_args(Flag)})
    return record.model_copy(update={"tldr": said, "results": (flagged,), "proposed_tags": proposed})


def text_fields(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths to all strings in a dumped record; a field without a value is an error."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from text_fields(part, (*path, name))
    elif isinstance(value, list | tuple):
        assert value, f"{path} is empty"
        for place, part in enumerate(value):
            yield from text_fields(part, (*path, place))
    elif isinstance(value, str):
        yield path
    else:
        assert value is not None, f"{path} has no value"


def poisoned(payload: str) -> tuple[Record, dict[str, str]]:
    """A record with the payload in every free text, and what stands where: the payload and the name of the field."""
    fields = complete().model_dump(mode="json")
    planted = {}
    for path in list(text_fields(fields)):
        holder: Any = fields
        for step in path[:-1]:
            holder = holder[step]
        before, name = holder[path[-1]], ".".join(map(str, path))
        holder[path[-1]] = f"{payload} {name}"
        try:
            Record.model_validate(fields)
            planted[name] = holder[path[-1]]
        except ValidationError:  # one of a closed list of words
            holder[path[-1]] = before
    return Record.model_validate(fields), planted
