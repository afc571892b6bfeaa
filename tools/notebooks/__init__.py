"""Notebooks: their form, their execution, and what learners get.

form            one form for all notebooks, and notebooks as text
execution       executes each notebook once per state of the code that it uses
student         learners' notebooks, from the solutions
replay_plugin   lets nbval run cells as a reader's kernel does (replay.ini: its settings)
"""
