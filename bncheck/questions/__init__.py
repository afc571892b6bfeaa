"""Questions: what they are, and the Markdown files that say it.

A file is the one source of a question's notebook, solution, page, bank and check.

    question    what a question is: probes, mistakes, laws, as data
    folder      an exercise: its `exercise.md`, a file per question, inputs.py and laws.py
    beside      what stands in an exercise's folder beside its questions
    reader      a question's file, to the text of the page and to a `Question`
    mistakes    the section of a file with its mistakes
    probes      the section with its probes
    answer      the answer's block: what the learner gets, what is right
    document    a file as front matter, sections, and blocks that know their lines
    problems    what is wrong with a file: file, line, rule, nearest line
"""
