"""What the Makefile calls.

install         .venv, with the standard library alone
book            the site; archive: in one file; screenshots: pictures of its pages
check           all that continuous integration runs; links: do addresses still answer
"""
