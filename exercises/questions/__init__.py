"""The questions of the course, and `check`, `hint` and `score` for its notebooks.

    from exercises.questions import check, hint, score

    check("ex03.forward", batch_norm)   # passed, or which mistake, with the smallest example
    hint("ex03.forward")                # from a nudge to a plan, never the code
    score("ex03")                       # the points so far

A folder `exNN_name` holds the questions of one exercise, a Markdown file each, with their answers:
a learner who looks finds them.  Checks here are for learning, not for marks.

    inputs        inputs of probes, on which mistakes come out far apart
    laws          what must hold of a right result, for several questions
    catalogue     the common mistakes that the bank must know
"""

from bncheck.course import Course
from bncheck.guard import ReadyMade
from bncheck.session import Session

COURSE = Course(
    package=__name__,
    ready_made=ReadyMade(
        operators=(
            "batch_norm",
            "layer_norm",
            "group_norm",
            "instance_norm",
            "rms_norm",
        ),
        packages=("bnlib", "bncourse"),
    ),
)
_session = Session(COURSE)
check, hint, score = _session.check, _session.hint, _session.score

__all__ = ["COURSE", "check", "hint", "score"]
