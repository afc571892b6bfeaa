"""The laws of the ledger's table: rows say what they are, and can be chosen."""

from bs4 import BeautifulSoup

from tools.site.ledger import VERDICTS, with_filter

ROW = (
    '<tr><td>4.1</td><td><p>A claim. <a class="reference internal" href="{page}.html">'
    "<span>{chapter}</span></a></p></td><td>✓ <strong>{verdict}</strong></td></tr>"
)
ROWS = [("Backward", "supported"), ("Placement", "not supported"), ("Backward", "inconclusive")]
TABLE = (
    '<div class="cell tag_ledger"><div class="pst-scrollable-table-container"><table><thead><tr>'
    "<th>Notes</th><th>Claim</th><th>Verdict</th></tr></thead><tbody>"
    + "".join(ROW.format(page=c, chapter=c, verdict=v) for c, v in ROWS)
    + "</tbody></table></div></div>"
)


def test_a_row_says_its_chapter_and_its_verdict() -> None:
    rows = BeautifulSoup(with_filter(TABLE), "html.parser").select("tbody tr")
    assert [(row["data-chapter"], row["data-verdict"]) for row in rows] == ROWS


def test_the_form_offers_what_there_is_and_waits_for_its_script() -> None:
    page = BeautifulSoup(with_filter(TABLE), "html.parser")
    (form,) = page.select("form")
    assert form.has_attr("hidden")
    offered = [
        [option.get_text() for option in choice.select("option")]
        for choice in form.select("select")
    ]
    assert offered == [["all", "Backward", "Placement"], ["all", *VERDICTS]]
    assert all(label.get_text() and label.select("select") for label in form.select("label"))
    assert form.find_next_sibling("div", class_="pst-scrollable-table-container")


def test_other_tables_are_left_alone() -> None:
    other = TABLE.replace("tag_ledger", "tag_other")
    assert with_filter(other) == str(BeautifulSoup(other, "html.parser"))
