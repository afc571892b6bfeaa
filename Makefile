# The commands of the course.  They need Python >= 3.11 and make, and nothing else.
#
# Every step can be interrupted and run again: tools/project/install.py and tools/project/book.py write their
# stamp last, so what has no stamp is done again.

.DEFAULT_GOAL := help
.PHONY: help install book preview zip pdf epub links screenshots check test bench question student record fix lab constraints clean

SHELL := /bin/sh
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python
RECENT := import sys; sys.exit(sys.version_info < (3, 11))

# The first candidate that is recent enough; `make PYTHON=/path/to/python book` overrides it.
PYTHON := $(shell for p in $(CANDIDATES); do \
	if "$$p" -c '$(RECENT)' >/dev/null 2>&1; then echo "$$p"; break; fi; done)
VENV := .venv/bin/python

help:
	@echo "make book         build the book; prints the path of its first page"
	@echo "make pdf          print the book to _build/batch-normalization.pdf (needs Chromium or Chrome)"
	@echo "make epub         write the book to _build/batch-normalization.epub"
	@echo "make check        check an edit in a minute: lint, types, the tests of what it touches"
	@echo "make test         run all that CI runs: lint, types, tests, book, replay of the chapters"
	@echo "make preview CHAPTER=chapters/03_mechanism.ipynb    build a site of one chapter alone"
	@echo "make zip          pack the book into one file, to read it offline"
	@echo "make links        ask whether the addresses that the text links to still answer"
	@echo "make screenshots  take a picture of every page: desktop and phone, light and dark"
	@echo "make bench        measure the layers against torch's, and the grading of a class"
	@echo "make lab          open the chapters in JupyterLab (installs JupyterLab the first time)"
	@echo "make question Q=ex03.statistics    say all about a question; without Q: about the changed ones"
	@echo "make student      write the notebooks of the exercises from the questions' files"
	@echo "make record       do that, execute the solutions and store what their checks say"
	@echo "make fix          bring the code and the notebooks into their form; write the repository's"
	@echo "                  address, from _config.yml, into their first cells"
	@echo "make install      make .venv and install what the other commands need"
	@echo "make constraints  resolve the newest versions and pin them in constraints.txt"
	@echo "make clean        remove _build and the caches (.venv stays)"
	@echo ""
	@echo "PYTHON=/path/to/python chooses the interpreter that .venv is made with (>= 3.11)."

install:
	@if test -z "$(PYTHON)"; then \
		echo "need Python >= 3.11, found none of: $(CANDIDATES);" >&2; \
		echo "install one, or name it: make PYTHON=/path/to/python $(MAKECMDGOALS)" >&2; exit 1; fi
	@"$(PYTHON)" -c '$(RECENT)' || { \
		echo "need Python >= 3.11, got `"$(PYTHON)" --version 2>&1` from $(PYTHON):" >&2; \
		echo "name another: make PYTHON=/path/to/python $(MAKECMDGOALS)" >&2; exit 1; }
	@"$(PYTHON)" tools/project/install.py book test

book: install
	@$(VENV) -m tools.project.book

pdf epub: install
	@$(VENV) -m tools.paper.paper $@

preview: install
	@$(VENV) -m tools.project.book --only $(CHAPTER)

zip: book
	@rm -rf _build/batch-normalization && cp -r _build/html _build/batch-normalization
	@test -n "$(PYTHON_IN_PAGES)" || rm -rf _build/batch-normalization/_static/live/pyodide
	@cd _build && "$(CURDIR)/$(VENV)" -m zipfile -c batch-normalization.zip batch-normalization
	@rm -rf _build/batch-normalization && echo "$(CURDIR)/_build/batch-normalization.zip"

links: install
	@$(VENV) -m tools.project.links

screenshots: book
	@$(VENV) -m tools.project.screenshots

check: install
	@$(VENV) -m tools.project.changed

test: install
	@$(VENV) -m tools.project.check

bench: install
	@set -e; for script in benchmarks/bench_*.py; do echo "== $$script"; $(VENV) "$$script"; done

question: install
	@$(VENV) -m tools.notebooks.question $(Q)

student: install
	@$(VENV) -m tools.notebooks.student student

record: install
	@$(VENV) -m tools.notebooks.student record

fix: install
	@$(VENV) -m ruff check --fix-only --quiet .
	@$(VENV) -m ruff format --quiet .
	@$(VENV) -m tools.notebooks.form fix
	@$(VENV) -m tools.notebooks.student student

lab: install
	@"$(PYTHON)" tools/project/install.py book test lab
	@$(VENV) -m jupyter lab chapters

constraints: install
	@$(VENV) -m tools.project.install --constraints

clean:
	rm -rf _build build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
