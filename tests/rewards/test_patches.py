"""``diff_match``: what of a patch is compared, and what it scores."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards.errors import OptionError
from rewards.patches import DiffMatch, changes
from rewards.similarity import Indel

DATA = Path(__file__).parents[2].parent / "shared/data"

GIT = """\
diff --git a/pkg/sum.py b/pkg/sum.py
index 3b18e51..a1b2c3d 100644
--- a/pkg/sum.py
+++ b/pkg/sum.py
@@ -1,3 +1,3 @@ class Sum:
 def total(xs):
-    return 0
+    return sum(xs)

@@ -10,2 +10,1 @@
 keep
-drop
diff --git a/README.md b/README.md
index 1111111..2222222 100644
--- a/README.md
+++ b/README.md
@@ -1 +1 @@
-old
+new
\\ No newline at end of file
"""
GIT_CHANGES = {
    "pkg/sum.py": " def total(xs):\n-    return 0\n+    return sum(xs)\n keep\n-drop",
    "README.md": "-old\n+new",
}

HUNK = "@@ -1 +1 @@\n-x\n+y\n"


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        (GIT, GIT_CHANGES),
        (GIT.replace("\n", "\r\n"), GIT_CHANGES),
        (f"Here it is:\n\n```diff\n{GIT}```\nThis should work.\n- It sums.\n", GIT_CHANGES),
        # what a model gets wrong, or leaves out, makes no difference
        (
            GIT.replace("@@ -1,3 +1,3 @@ class Sum:", "@@ -7,9 +8,9 @@").replace("index 3b18e51..a1b2c3d 100644\n", ""),
            GIT_CHANGES,
        ),
        (GIT.replace("@@ -10,2 +10,1 @@", "@@ ... @@").replace("    return 0\n", "    return 0  \t\n"), GIT_CHANGES),
        # without git's lines, with times, without a/ and b/
        (f"--- a/x.c\t2024-01-01 10:00:00\n+++ b/x.c\t2024-01-02 10:00:00\n{HUNK}", {"x.c": "-x\n+y"}),
        (f"--- src/x.c\n+++ src/x.c\n{HUNK}", {"src/x.c": "-x\n+y"}),
        (f"--- a/x.c\n+++ a/x.c\n{HUNK}", {"a/x.c": "-x\n+y"}),  # a folder a, since the other is no b
        # new, gone, moved, empty, binary
        (f"--- /dev/null\n+++ b/x.c\n{HUNK}", {"x.c": "-x\n+y"}),
        (f"--- a/x.c\n+++ /dev/null\n{HUNK}", {"x.c": "-x\n+y"}),
        (
            f"diff --git a/x.c b/y.c\nrename from x.c\nrename to y.c\n--- a/x.c\n+++ b/y.c\n{HUNK}",
            {"x.c": "rename to y.c\n-x\n+y"},
        ),
        ("diff --git a/x.c b/y.c\nsimilarity index 100%\nrename from x.c\nrename to y.c\n", {"x.c": "rename to y.c"}),
        ("diff --git a/e b/e\nnew file mode 100644\nindex 0000000..e69de29\n", {"e": "new file mode 100644"}),
        ("diff --git a/a b c b/a b c\ndeleted file mode 100644\n", {"a b c": "deleted file mode 100644"}),
        (
            "diff --git a/i.png b/i.png\nindex 1..2 100644\nBinary files a/i.png and b/i.png differ\n",
            {"i.png": "Binary files a/i.png and b/i.png differ"},
        ),
        (f'--- "a/a b.c"\n+++ "b/a b.c"\n{HUNK}', {"a b.c": "-x\n+y"}),
        # one file in two places
        (f"--- a/x\n+++ b/x\n{HUNK}--- a/x\n+++ b/x\n@@ -5 +5 @@\n-v\n+w\n", {"x": "-x\n+y\n-v\n+w"}),
        # a removed "-- c" and an added "++ c" open no file
        ("--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,2 @@\n--- c\n+++ c\n d\n", {"q.sql": "--- c\n+++ c\n d"}),
        # a blank context line whose space is lost; one at the end is lost whole
        ("--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n \n", {"x": " a\n\n-b\n+c"}),
        # no patches
        ("", {}),
        ("Change x to y in x.c.", {}),
        ("---\n+++\n@@\n", {}),
        ("--- a/x\n+++ b/x\n", {}),
        ("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n copied\n context\n", {}),  # SWE-RL scores an empty change 0 too
        (HUNK, {}),  # of no file
        (f"--- a/x\n{HUNK}", {}),
        ("diff --git a/x b/x\n", {}),
        ("- one\n- two\n+ three\n", {}),
    ],
)
def test_changes(patch: str, expected: dict[str, str]) -> None:
    assert changes(patch) == expected


lines = st.lists(st.sampled_from(["a", "b", "c", "  d", "", "- e", "+ f", "@@ g", "diff --git x", "\\ h"]), max_size=12)


@given(lines, lines, st.integers(0, 3))
def test_changes_are_the_lines_that_difflib_writes(old: list[str], new: list[str], context: int) -> None:
    written = list(difflib.unified_diff(old, new, "a/f", "b/f", lineterm="", n=context))
    hunks: list[list[str]] = []
    for line in written[2:]:
        if line.startswith("@@"):
            hunks.append([])
        else:
            hunks[-1].append(line.rstrip())
    body = "\n".join(text for hunk in hunks if (text := "\n".join(hunk).rstrip("\n")))
    assert changes("\n".join(written)) == ({"f": body} if body else {})


@given(st.text(st.sampled_from("-+@ ab/\n\t\\")).map(lambda text: text.replace("ab", "--- a/x\n+++ b/x\n@@")))
def test_any_text_is_read(text: str) -> None:
    for path, change in changes(text).items():
        assert path
        assert change
        assert change == "\n".join(line.rstrip() for line in change.split("\n"))


def _patch(**files: str) -> str:
    """A patch that puts one line into each file."""
    return "".join(f"--- a/{path}\n+++ b/{path}\n@@ -0,0 +1 @@\n+{line}\n" for path, line in files.items())


@pytest.mark.parametrize(
    ("completion", "reference", "value", "matched", "similarity"),
    [
        (_patch(f="abc"), _patch(f="abc"), 1.0, 1.0, 1.0),
        (_patch(f="abc"), _patch(f="xbc"), 0.75, 1.0, 0.75),  # "+abc", "+xbc": 3 of 4 characters are common
        (_patch(f="abc"), _patch(f="abc", g="abc"), 0.5, 0.5, 1.0),  # a file is missing
        (_patch(f="abc", g="abc"), _patch(f="abc"), 0.5, 0.5, 1.0),  # one too many
        (_patch(f="abc"), _patch(g="abc"), 0.0, 0.0, None),
        (_patch(f="abc", g="abc", h="z"), _patch(g="xbc", f="abc", i="z"), 1.75 / 4, 2 / 4, 1.75 / 2),
    ],
)
def test_scores(completion: str, reference: str, value: float, matched: float, similarity: float | None) -> None:
    scores = DiffMatch(similarity="indel")([completion], reference=[reference])
    assert scores.values == [pytest.approx(value)]
    assert scores.parts["files_matched"] == [matched]
    assert scores.parts["similarity"] == [similarity if similarity is None else pytest.approx(similarity)]


def test_what_is_no_patch() -> None:
    good = _patch(f="abc")
    scores = DiffMatch(similarity="indel")(
        [good, "no", None, good, good, "no"], reference=[good, good, good, "", None, ""]
    )
    assert scores.values == [1.0, 0.0, 0.0, None, None, None]
    assert scores.status == [
        "ok",
        "unparseable_completion",
        "unparseable_completion",
        "unparseable_reference",
        "unparseable_reference",
        "unparseable_reference",  # the reference is looked at first: nothing can be scored against it
    ]
    assert scores.parts["files_matched"] == [1.0, None, None, None, None, None]


def test_a_file_over_the_budget_leaves_the_patch_without_a_score() -> None:
    ours, theirs = _patch(f="abc", g="abcdefgh"), _patch(f="abc", g="abcdefgh")
    scores = DiffMatch(similarity=Indel(max_cells=20))([ours], reference=[theirs])
    assert (scores.values, scores.status) == ([None], ["too_large"])
    assert scores.parts == {"files_matched": [1.0], "similarity": [None]}


def test_all_changes_of_a_batch_go_to_the_similarity_at_once() -> None:
    calls: list[int] = []

    class Counting(Indel):
        def __call__(self, completions, /, **columns):  # type: ignore[no-untyped-def]
            calls.append(len(completions))
            return super().__call__(completions, **columns)

    DiffMatch(similarity=Counting())([_patch(f="a", g="b")] * 3, reference=[_patch(f="a", g="c")] * 3)
    assert calls == [6]


@pytest.mark.slow
def test_a_megabyte_of_headers_is_read() -> None:
    many = "".join(f"--- a/{at}\n+++ b/{at}\n@@\n+x\n" for at in range(40_000))
    scores = DiffMatch(similarity="indel")(
        [many, "--- a\n" * 160_000, "@@\n" * 300_000], reference=[_patch(**{"7": "x"})] * 3
    )
    assert scores.values == [pytest.approx(1 / 40_000), 0.0, 0.0]


def test_real_patches_match_themselves_and_little_else() -> None:
    rows = [
        json.loads(line) for path in sorted(DATA.glob("sw*_trajs_*.jsonl")) for line in path.read_text().splitlines()
    ]
    patches = {row["submission"] for row in rows if "diff --git" in (row["submission"] or "")}
    if not patches:
        pytest.skip("no shared data here")
    known = sorted(patches)
    reward = DiffMatch(similarity="indel")
    assert reward(known, reference=known).values == [1.0] * len(known)
    for patch in known:
        assert len(changes(patch)) == patch.count("diff --git ")
        assert sum(map(len, changes(patch).values())) > 0.3 * len(patch)


def test_explains_each_file() -> None:
    explained = DiffMatch(similarity="indel").explain(_patch(f="abc", g="z"), reference=_patch(f="abc", h="z"))
    assert explained.reason == "1 of 3 files changed by both"
    assert explained.details["files"] == [
        "f: 1.0, 0 edits between 4 and 4 chars",
        "g: 0.0, changed by the completion alone",
        "h: 0.0, changed by the reference alone",
    ]


def test_refuses_a_similarity_that_reads_something_else() -> None:
    with pytest.raises(OptionError, match="option similarity of diff_match: 'format' reads no column"):
        DiffMatch(similarity="format")
