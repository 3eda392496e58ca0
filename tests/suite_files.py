"""Small data sets, invented, in each layout in which the suites are published."""

import json


def _words(text: str) -> list[str]:
    return text.split()


ACLSUM = json.dumps(
    {
        "id": "X99-1",
        "title": "Counting Pebbles by Ear",
        "summary": {
            "challenge": "Pebbles cannot be seen under water.",
            "approach": "They listen to them.",
            "outcome": "Nine of ten pebbles are heard.",
        },
        "sentences": {
            "abstract": [
                "We count pebbles ( small stones ) by ear .",
                "The `` pebble-ear '' hears 90 % of them , and nobody 's feet get wet .",
            ],
            "introduction": ["Pebbles are stones ."],
            "conclusion": ["We heard them ."],
        },
        "highlights": {},
    }
)

SCIERC_COLUMNS = """\
-DOCSTART- NN O O

We NN O O
train NN O O
PebbleNet NN O I-Method
-LRB- NN O O
our NN O O
network NN O I-Generic
-RRB- NN O O
for NN O O
stone NN O I-Task
counting NN O I-Task
shape NN O B-Task
naming NN O I-Task
. NN O O

pebblenet NN O I-Method
wins NN O O
on NN O O
PebbleBed NN O I-Material
in NN O O
accuracy NN O I-Metric
. NN O O

-DOCSTART- NN O O

Stones NN O I-OtherScientificTerm
are NN O O
old NN O O
. NN O O
"""

SCIERC_JSON = json.dumps(
    {
        "doc_key": "stones-1",
        "sentences": [
            ["PebbleNet", "-LRB-", "our", "network", "-RRB-", "counts", "."],
            ["Large", "stone", "counting", "on", "PebbleBed", "."],
        ],
        "ner": [[[0, 0, "Method"], [3, 3, "Generic"]], [[7, 9, "Task"], [8, 9, "Task"], [11, 11, "Material"]]],
        "clusters": [],
        "relations": [[], []],
    }
)

TDMSCI = (
    "We\t10\tO\ncount\t13\tO\nstones\t19\tB-TASK\n-\t25\tI-TASK\nby\t26\tI-TASK\n-\t28\tI-TASK\near\t29\tI-TASK\n.\t32\tO\n"
    "\n"
    "Accuracy\t34\tB-METRIC\nrecall\t43\tB-METRIC\non\t50\tO\nPebble\t53\tB-DATASET\n-\t59\tI-DATASET\nBed\t60\tI-DATASET\n"
)

SCIREX_CUT = "\n".join(
    json.dumps(row)
    for row in (
        {
            "doc_id": "a1",
            "title_tokens": None,
            "words": _words(
                "document : Stone - Net for Counting We count state - of - the - art stones with Stone - Net ."
            ),
            "sentences": [[0, 7], [7, 22]],
            "ner": [[2, 5, "Method", True], [6, 7, "Task", False], [18, 21, "Method", True]],
        },
        {
            "doc_id": "a2",
            "title_tokens": 2,
            "words": _words("Stone Naming section : Abstract - Names are given on PebbleBed ."),
            "sentences": [[0, 2], [2, 5], [5, 12]],
            "ner": [[0, 2, "Task", True], [10, 11, "Material", False]],
        },
        {
            "doc_id": "a3",
            "title_tokens": None,
            "words": _words("Stones sink . Accuracy is high ."),
            "sentences": [[0, 3], [3, 7]],
            "ner": [[3, 4, "Metric", False]],
        },
    )
)

SCIREX_WHOLE = json.dumps(
    {
        "doc_id": "b1",
        "words": _words(
            "Stone Counting section : Abstract We train Pebble - Net ( PN ) . It counts . "
            "section : Experiments PN has a low mean stone error on RiverBed . The stone counter wins ."
        ),
        "sentences": [[0, 2], [2, 14], [14, 17], [17, 30], [30, 35]],
        "sections": [[0, 2], [2, 17], [17, 35]],
        "ner": [
            [0, 2, "Task"],
            [7, 10, "Method"],
            [11, 12, "Method"],
            [20, 21, "Method"],
            [24, 27, "Metric"],
            [28, 29, "Material"],
        ],
        "coref": {
            "Pebble-Net": [[7, 10], [11, 12], [20, 21]],
            "Mean_Stone_Error": [[24, 27]],
            "River_Bed": [],
            "Stone_Counting": [],
        },
        "n_ary_relations": [
            {"Task": "Stone_Counting", "Material": "River_Bed", "Method": "Pebble-Net", "Metric": "Mean_Stone_Error"}
        ],
    }
)

SCITLDR = json.dumps(
    {
        "paper_id": "c1",
        "title": "Stones That Sing",
        "source": ["Stones sing.", "  ", "We record 12 of them."],
        "target": ["Twelve stones are recorded.", "stones sing"],
        "source_labels": [0, 0, 1],
    }
)
