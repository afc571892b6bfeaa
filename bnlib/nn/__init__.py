"""Batch normalization layers for PyTorch: drop-ins for torch's own, and `convert`.

layers         BatchNorm1d, BatchNorm2d, BatchNorm3d: state, modes, running statistics
formulas       the formulas, forward and backward, on tensors
triton_kernels  the same as fused kernels, for CUDA
cpu_kernels    the same in C++, for the CPU, where they are built
autograd       the formulas as one differentiable operation
checks         what the layers refuse
conversion     convert: torch's layers in a model for ours, and back
fused          timm's layer with dropout and activation, for `convert`
"""

from bnlib.nn.conversion import convert
from bnlib.nn.layers import BatchNorm1d, BatchNorm2d, BatchNorm3d

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "convert"]
