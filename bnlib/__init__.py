"""Batch normalization from scratch: the code behind the chapters.

The address of a thing is its import line, for instance
``from bnlib.functional import batch_norm``.
"""

__version__ = "0.1.0"
