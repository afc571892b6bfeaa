// Shows the rows of the ledger that have the chosen chapter and verdict (see tools/site/ledger.py).
const filter = document.querySelector(".ledger-filter");

if (filter) {
  const rows = [...document.querySelectorAll(".tag_ledger tr[data-verdict]")];
  const choices = [...filter.querySelectorAll("select")];
  const show = () => {
    for (const row of rows)
      row.hidden = choices.some(({name, value}) => value && row.dataset[name] !== value);
    const left = rows.filter((row) => !row.hidden).length;
    filter.querySelector("output").textContent = `${left} of ${rows.length} claims`;
  };
  // A link to a claim that is hidden shows all of them again.
  const seek = () => {
    const claim = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (claim?.closest("tr[hidden]")) {
      for (const choice of choices) choice.value = "";
      show();
      claim.scrollIntoView();
    }
  };
  filter.hidden = false;
  filter.addEventListener("change", show);
  window.addEventListener("hashchange", seek);
  show();  // a browser may remember what was chosen
  seek();
}
