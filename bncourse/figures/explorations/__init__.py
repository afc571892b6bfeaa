"""The interactive figures of the book, one module each: `draw(**values) -> (Figure, text)`.

`bncourse.figures.interactive.explore` shows them.  The functions that draw keep axes and limits
fixed: the reader's eye sees what the parameter changes, and pictures share what they can.
"""
