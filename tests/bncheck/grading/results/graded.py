"""Grades made by hand, for tests of what is written about them."""

from bncheck.grading.results.records import Advice, Answer, Grade, Handed

OUT_OF = {"n": 1, "forward": 4, "undo": 3}


def grade(
    learner, points=None, *, account="", file="ex03.ipynb", short="ex03", state="graded", **more
):
    """The grade of a learner with these points by question; all of them by default."""
    earned = OUT_OF | (points or {})
    answers = tuple(
        Answer(
            f"{short}.{name}",
            name.capitalize(),
            "passed" if earned[name] == OUT_OF[name] else "named",
            earned[name],
            OUT_OF[name],
            () if earned[name] == OUT_OF[name] else (f"no {name}",),
            ()
            if earned[name] == OUT_OF[name]
            else (Advice(f"What went wrong: no {name}.", "03_mechanism", "In code"),),
        )
        for name in OUT_OF
    )
    handed = Handed(account, **{k: more.pop(k) for k in list(more) if k in Handed.__annotations__})
    identity = f"{learner}_{account}_{file}".replace(" ", "_").removesuffix(".ipynb")
    if state == "unreadable":
        return Grade(identity, learner, file, "", state, notes=("empty",), handed=handed, **more)
    name = f"{short}_mechanism"
    return Grade(identity, learner, file, name, state, answers, handed=handed, **more)
