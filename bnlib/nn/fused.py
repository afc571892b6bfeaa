"""timm's layer of batch normalization, dropout and activation in one, with our computation.

`convert` imports this where timm is loaded, and nothing else does.
"""

from timm.layers.norm_act import BatchNormAct2d as TimmBatchNormAct2d
from torch import Tensor

from bnlib.nn.layers import BatchNorm2d


class BatchNormAct2d(BatchNorm2d, TimmBatchNormAct2d):
    """Batch normalization of (N, C, H, W), then `drop`, then `act`: made by `convert` alone."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise the input as BatchNorm2d does, with its errors, then drop and activate it."""
        return self.act(self.drop(super().forward(input)))
