"""Notebooks: their form, their execution, and what learners get.

form            one form for all notebooks, and notebooks as text
execution       executes each notebook once per state of the code that it uses
closure         what a notebook depends on: the files that it imports, and their data
store           the cache of executed notebooks and of results
kernel          what is loaded into a kernel: notes which files it reads
vary            changes numbers of a notebook as a reader may, and reports what raises
numbers         which numbers those are, and what they are changed to
affected        which cells a change can reach, and what these need
student         solutions and learners' notebooks, from the questions' files
question        everything about a question: what is wrong with its file, what its check names
replay_plugin   lets nbval run cells as a reader's kernel does (replay.ini: its settings)
"""
