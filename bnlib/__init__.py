"""Batch normalization from scratch: layers in NumPy and in PyTorch.

The address of a thing is its import line, for instance
``from bnlib.functional import batch_norm``.

    functional      NumPy functions: forward, backward, running statistics; checks: of arguments
    scratch         the NumPy layer with state
    nn              the torch layers, drop-ins for torch's, and `convert`
    norms           other normalisations by one rule
    modes           evaluate a model, and leave it as it was
    surgery         re-estimate, fold, freeze, synchronise or replace the layers of a model
    doctor          faults of a model of one's own, on its data: where, what they cost, the remedy
"""

__version__ = "0.1.0"
