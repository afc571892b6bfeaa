"""What is written about a class.

records         grades as data
files           the folder of results, each file all or nothing
feedback        a page per learner; summary: a page about the class
gradescope      an autograder for Gradescope, and results in its format
suspicion       signs of tampering
"""
