// What a page need not know before somebody acts: hints, and where the sections of chapters begin.

let address; // of the folder of these files
let more; // a promise of {hints, places}

export function setFolder(folder) {
  address = folder;
}

export function known(short) {
  more ??= fetch(new URL(`${short}.more.json`, address)).then((answer) => {
    if (!answer.ok) {
      throw new Error("the server has no hints");
    }
    return answer.json();
  });
  more.catch(() => (more = undefined)); // it may be there next time
  return more;
}

// The links of a verdict lead to notebooks: here to the sections of pages.
export async function lead(card, short) {
  const { places } = await known(short).catch(() => ({ places: {} }));
  for (const link of card.querySelectorAll('a[href$=".ipynb"]')) {
    const chapter = link.getAttribute("href").match(/([^/]*)\.ipynb$/)[1];
    const heading = link.textContent.match(/“(.*)”/)?.[1];
    const place = places[`${chapter}: ${heading}`];
    link.href = `../chapters/${chapter}.html${place ? `#${place}` : ""}`;
  }
}
