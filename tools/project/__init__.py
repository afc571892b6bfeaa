"""What the Makefile calls.

install         .venv, with the standard library alone
book            the site; screenshots: pictures of its pages
check           all that continuous integration runs; links: do addresses still answer
changed         what one edit needs: lint, types, the tests of what it touches
"""
