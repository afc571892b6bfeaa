"""What judges: it starts workers, asks them, and believes plain values alone.

command         the command line; after: its part on what is graded
run             a class: each submission read, handed to an engine, results written as they come
engines         on this machine, in threads; places: slow ones beside the others; cluster: by Dask
submissions     files found, with who handed them in: platforms; archives: zip files as folders
notebooks       one file read; cells: what is odd about them; syntax: what is allowed beyond Python
workers         starts workers; sandbox: what they can see; sessions: one submission in its worker
answers         what a worker sends, checked in form; gather: all that a submission shows
grade           from that to a grade; excerpts: what was written, such that nobody is known by it
"""
