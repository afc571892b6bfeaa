"""The interactive figures of the book, one module each: `draw(**values) -> (Figure, text)`.

`bnlib.interactive.explore` shows them.  The functions that draw keep axes and limits fixed, so
that the reader's eye sees what the parameter changes, and the pictures share what they can.
"""
