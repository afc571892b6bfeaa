"""What is written about a class.

records         grades as data
files           the folder of results, each file all or nothing; shards: parts of it, and all
feedback        a page per learner; summary: the scores of the class
classpage       what the class does not understand; changes: what another grading changed
policy          how points become marks, as a teacher says; marks: them, with each step
gradebooks      marks as CSV for Moodle and Canvas
gradescope      an autograder for Gradescope, and results in its format
suspicion       signs of tampering
"""
