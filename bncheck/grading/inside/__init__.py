"""What runs beside a submission, which can change all of it.

zygote          the warm process, from which a keeper and a worker per submission are forked
worker          executes cells, runs probes, answers with plain values
namespaces      namespaces, empty folders, no rights, limits; seccomp: no new processes
ready_made      takes out of a worker what a question forbids
silent          stands for the course's questions: `check` does nothing here
limits          of a submission; messages: the line to the judge
"""
