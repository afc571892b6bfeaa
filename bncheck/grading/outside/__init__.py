"""What judges: it starts workers, asks them, and believes plain values alone.

command         the command line
run             a class: workers gather, the judge judges, results are written as they come
submissions     files found and read; syntax: what notebooks allow beyond Python
workers         starts workers; sandbox: what they can see; sessions: one submission in its worker
answers         what a worker sends, checked in form; gather: all that a submission shows
grade           from that to a grade
"""
