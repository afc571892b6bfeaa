"""The extension of Sphinx that makes the site; `extension` loads the others.

extension       what the other modules share: execution, a fork's address, exercise and solution
mathematics     formulas, drawn at build time (mathjax.js)
figures         pictures for light and for dark pages; gallery: the page with all of them
archive         all figures in one zip file
panels          the panels of a picture, which a phone shows below each other
ledger          the choice among the rows of the ledger, by chapter and verdict
live            what a reader answers and runs in the page; runnable: which cells can be
shells          the HTML of that, which has its place before any script is there
runtime         Python for pages, each file by its sum
launch          buttons that run and download notebooks
describe        what pages tell machines; card: the social card
quoting         what a page says that another file knows
accessibility   what the theme lacks for screen readers, keyboards and phones
drawings        the SVG in a page's text, cut out and put back
"""
