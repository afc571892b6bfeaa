"""Notebooks: their form, their execution, and what learners get.

form            one form for all notebooks, and notebooks as text
execution       executes each notebook once per state of the code that it uses
closure         what a notebook depends on: the files that it imports, and their data
store           the cache of executed notebooks and of results
kernel          what is loaded into a kernel: notes which files it reads
student         solutions and learners' notebooks, from the questions' files
question        everything about a question: what is wrong with its file, what its check names
replay_plugin   lets nbval run cells as a reader's kernel does (replay.ini: its settings)
"""
