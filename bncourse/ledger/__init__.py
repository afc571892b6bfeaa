"""All claims together.

corrections     p-values, and which verdicts stand under Holm and under Benjamini and Hochberg
table           a line of CSV per claim; __main__: python -m bncourse.ledger --csv
"""
