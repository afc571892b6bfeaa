"""What builds and checks the course, in drawers by job.

project       what the Makefile calls: install, book, check, archive, links, screenshots
notebooks     form of the notebooks, execution and its cache, learners' notebooks
site          the extension of Sphinx: formulas, figures, buttons, what pages say to machines
paper         the printed book and the ePub, from the site's pages
"""
