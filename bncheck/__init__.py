"""Checks of exercises that say what is wrong, and the grading of whole classes.

A course hands over its questions as data: the right answer, what is looked at, known mistakes as
edits of the answer.  Nothing here knows what the questions are about.

    questions     what a question is, as data, and the Markdown files that say it
    course        a package of exercises, and what they forbid
    bank          from a question to what answers are compared with
    observe       run what a learner wrote, keep plain values; guard: limits and what is forbidden
    plain         values that can be sent and compared without trusting them; compare: how far apart
    judge         the verdict; reasons: the first law that a wrong answer breaks
    report        the verdict as text and as a card
    session       `check`, `hint` and `score` of a notebook
    page          the same in a page of the book; packed: questions as data that travel there
    proof         do the checks keep their promise?  tables: that as tables
    grading       a class: inside/ runs beside a submission, outside/ judges, results/ is written
"""
