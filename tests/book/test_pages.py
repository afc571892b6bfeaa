"""The laws of the pages around the chapters: what they quote is so, and their plans add up."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bncheck.session import CheckFailed
from bncourse.experiments import all_experiments
from exercises.questions import check
from tools.notebooks import execution
from tools.site import gallery, quoting

ROOT = execution.ROOT
INDEX = (ROOT / "index.md").read_text(encoding="utf-8")
TEACHING = (ROOT / "teaching.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def stored(folder: Path, name: str, *texts: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=[new_markdown_cell(text) for text in texts]), path)
    return path


# -- times --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "expected"), [(1, 5), (1000, 5), (1001, 10), (3000, 15)])
def test_a_chapter_takes_a_minute_for_200_words(tmp_path: Path, count: int, expected: int) -> None:
    path = stored(tmp_path, "chapters/01_a.ipynb", "word " * (count // 2), "w " * -(-count // 2))
    assert quoting.minutes(path) == expected


@pytest.mark.parametrize(
    ("said", "expected"), [("takes about 45 minutes", 45), ("each takes about an hour", 60)]
)
def test_an_exercise_takes_what_it_says(tmp_path: Path, said: str, expected: int) -> None:
    assert quoting.minutes(stored(tmp_path, "exercises/ex01_a.ipynb", f"It {said}.")) == expected


def test_an_exercise_without_an_estimate_is_refused(tmp_path: Path) -> None:
    path = stored(tmp_path, "exercises/ex01_a.ipynb", "# Exercise", "It takes about 5 minutes.")
    with pytest.raises(ValueError, match="got '# Exercise'"):
        quoting.minutes(path)


def plans() -> list[tuple[str, int, list[list[str]]]]:
    """The tables of steps: the heading above, the minutes that the plan promises, the rows."""
    found, heading, promised = [], "", 0
    for block in TEACHING.split("\n\n"):
        if block.startswith("#"):
            heading = block.lstrip("# ")
        if stated := re.search(r"(\d+) minutes", block):
            promised = int(stated[1])
        if block.startswith("| Minutes |"):
            lines = block.splitlines()[2:]
            found.append((heading, promised, [re.split(r" \| ", row[2:-2]) for row in lines]))
    return found


def test_the_minutes_of_each_plan_add_up_to_what_it_promises() -> None:
    assert len(plans()) == 5
    for heading, promised, rows in plans():
        assert sum(int(row[0]) for row in rows) == promised, heading


def test_each_step_of_a_plan_asks_something() -> None:
    for heading, _, rows in plans():
        for _, step, question in rows:
            assert len(question.split()) >= 4, f"{heading}: {step}"


def test_each_question_of_a_plan_has_its_answer() -> None:
    answers = re.findall(
        r"\*\*Answers\*\*, in the order of the steps:\n\n((?:\d\. .+\n)+)", TEACHING
    )
    lists = [found.splitlines() for found in answers]
    assert [len(found) for found in lists] == [len(rows) for _, _, rows in plans()]
    for found in lists:
        assert [line[:2] for line in found] == [f"{i}." for i in range(1, len(found) + 1)]
        assert all(len(line.split()) >= 4 for line in found)


def test_the_rows_that_a_seminar_takes_over_are_in_the_ledger() -> None:
    seminar = TEACHING[TEACHING.index("## A seminar") : TEACHING.index("## Grade")]
    rows = [line.split(" | ") for line in seminar.splitlines() if re.match(r"\| \d \|", line)]
    named = [name for row in rows for name in re.findall(r"`([a-z-]+)`", row[2])]
    known = all_experiments()
    assert len(rows) == 8 and len(named) == len(set(named)) == 14
    assert set(named) <= set(known)
    for row in rows:  # the chapter that is read is the one that measures
        chapters = set(re.findall(r"\{time\}`chapters/(\w+)`", row[1]))
        measured = {known[name].claim.chapter for name in re.findall(r"`([a-z-]+)`", row[2])}
        assert measured <= chapters, row[0]


# -- what is quoted -----------------------------------------------------------------------------


def executed() -> nbformat.NotebookNode:
    figure = {"figure": {"name": "fig-a", "caption": "A."}}
    outputs = [
        new_output("display_data", {"text/html": "<p>drawn</p>"}),
        new_output("stream", text="printed"),
    ]
    return new_notebook(
        cells=[
            new_markdown_cell("# A"),
            new_code_cell("say()", metadata={"tags": ["sentence", "twice"]}),
            new_code_cell("draw()", metadata={"mystnb": figure}, outputs=outputs),
            new_code_cell("more()", metadata={"tags": ["twice"]}),
        ]
    )


def test_a_cell_is_quoted_by_its_tag_or_its_figure() -> None:
    assert quoting.displayed(executed(), "fig-a") == [{"text/html": "<p>drawn</p>"}]
    assert quoting.displayed(executed(), "sentence") == []


@pytest.mark.parametrize(("name", "count"), [("nowhere", 0), ("twice", 2)])
def test_a_quotation_of_no_cell_or_of_two_is_refused(name: str, count: int) -> None:
    with pytest.raises(LookupError, match=f"the figure '{name}', got {count}"):
        quoting.displayed(executed(), name)


def epsilon_outside(x, gamma, beta, eps):
    axes = (0, *range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mu, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    x_hat = (x - mu) / (np.sqrt(var) + eps)
    return gamma.reshape(shape) * x_hat + beta.reshape(shape)


@pytest.mark.parametrize("page", [INDEX, README], ids=["index", "README"])
def test_the_answer_of_a_check_that_pages_show_is_the_real_one(
    page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CheckFailed):
        check("ex03.forward", epsilon_outside)
    said = " ".join(capsys.readouterr().out.split())
    block = re.search(r"^```(?:text)?\n(ex03\.forward.*?)^```", page, re.M | re.S)
    assert block is not None
    place = 0
    for part in block[1].split("…"):  # what stands for lines that are left out
        fragment = " ".join(part.split())
        assert fragment in said[place:], fragment
        place = said.index(fragment, place) + len(fragment)


def test_the_entry_for_bibtex_says_what_the_citation_file_says() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    entry = quoting.bibtex(citation, "https://example.org/book/")
    fields = dict(re.findall(r"^  (\w+) *= \{(.*)\},$", entry, re.M))
    assert entry.startswith("@misc{") and entry.endswith("\n}")
    assert fields == {
        "title": f"{{{citation['title']}}}",
        "author": " and ".join(f"{{{author['name']}}}" for author in citation["authors"]),
        "year": str(citation["date-released"].year),
        "version": citation["version"],
        "url": "https://example.org/book/",
    }
    assert "url" not in quoting.bibtex(citation, "")


def test_people_are_cited_by_their_names() -> None:
    people = [{"given-names": "Ada", "family-names": "Byron"}, {"name": "The authors"}]
    citation = {"title": "T", "authors": people, "date-released": "2026-01-01", "version": "1"}
    assert "= {Byron, Ada and {The authors}}," in quoting.bibtex(citation, "")


# -- the first page -----------------------------------------------------------------------------


def test_the_first_page_lists_the_chapters_in_their_order() -> None:
    outline = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [entry["file"] for entry in outline["parts"][0]["chapters"]]
    assert re.findall(r"^\d+\. .*\{time\}`(chapters/\w+)`$", INDEX, re.M) == chapters


@pytest.mark.parametrize("way", ["Read", "Run", "Solve", "Teach"])
def test_the_first_page_leads_to_each_way(way: str) -> None:
    assert f"grid-item-card}} [{way}](#{way.lower()})" in INDEX
    assert f"\n## {way}\n" in INDEX


# -- figures for slides -------------------------------------------------------------------------


WIDGET = """<div><svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="36pt"
 viewBox="0 0 72 36" role="img" aria-label="What is seen."><path id="a" fill="var(--figure-0072b2,
 #0072b2)"/><g data-frames="0"><path id="b"/></g><g data-frames="1" style="display:none"><path
 id="c"/></g></svg><p>1</p></div>""".replace("2,\n ", "2, ")


def test_the_first_picture_of_an_interactive_figure_stands_alone() -> None:
    light, text = gallery.first_frame(WIDGET)
    assert text == "What is seen."
    assert 'fill="#0072b2"' in light and "var(" not in light
    assert 'id="b"' in light and 'id="c"' not in light


def test_a_widget_without_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="need an inline svg, got '<p>'"):
        gallery.first_frame("<p>")


# -- downloads ----------------------------------------------------------------------------------


def test_the_files_that_the_first_page_offers_are_published() -> None:
    offered = re.findall(r"\(published:batch-normalization\.(\w+)\)", INDEX)
    workflow = (ROOT / ".github" / "workflows" / "pages.yml").read_text(encoding="utf-8")
    made = re.search(r"run: make book ([a-z ]+?) *(?:#.*)?$", workflow, re.M)
    assert made is not None and made[1].split() == offered == ["pdf", "epub", "zip"]
    assert "cp _build/batch-normalization.* _build/html/" in workflow


# -- the lecture notes ---------------------------------------------------------------------------


def statements() -> list[str]:
    """The paragraphs and items of the notes that say something by themselves."""
    text = (ROOT / "chapters" / "lecture_notes.md").read_text(encoding="utf-8")
    text = text[text.index("**Batch Normalization** extends") : text.index("## 8. References")]
    text = re.sub(r"```.*?```|\$\$.*?\$\$|^#[^\n]*$", "\n\n", text, flags=re.M | re.S)
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:-|\d\.) )", text)
    return [block.strip() for block in blocks if block.strip()]


def test_every_statement_of_the_notes_leads_to_the_section_that_treats_it() -> None:
    """Steps of one formula have the link of the formula; what ends in a colon only introduces."""
    introduces = re.compile(r"(:|:\*\*|\*\*:|PyTorch Implementation)$")
    steps = ("1. Compute", "2. Normalize", "3. Scale", "4. Apply", "Imagine", "Example", "Common")
    assert len(statements()) > 50
    for block in statements():
        bare = re.sub(r"^(-|\d\.) ", "", block)
        if introduces.search(block) or block.startswith(steps) or len(bare.split()) < 3:
            continue
        assert re.search(r"\]\(\d\d_\w+\.ipynb#", block), block


def test_every_claim_of_the_notes_is_linked_from_them() -> None:
    linked = set(re.findall(r"#claim-([\w-]+)", "\n".join(statements())))
    claims = {name: one.claim for name, one in all_experiments().items()}
    assert linked <= claims.keys()
    assert {name for name, claim in claims.items() if not claim.beyond} <= linked
