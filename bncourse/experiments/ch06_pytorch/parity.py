"""Our layers beside torch's: how far their results are apart."""

from collections.abc import Sequence

from torch import Tensor, nn

from bncourse.data import load


def differences(ours: nn.Module, theirs: nn.Module, x: Tensor, dy: Tensor) -> dict[str, float]:
    """Largest absolute difference of two layers or models after the same forward and backward.

    Both get x and, upstream, dy. Returns it for the output, the gradient of x, the gradients of
    all parameters, and all buffers.
    """
    results = []
    for model in (ours, theirs):
        x_in = x.clone().requires_grad_()
        model.zero_grad()
        y = model(x_in)
        y.backward(dy)
        results.append(
            {
                "output": [y.detach()],
                "gradient of x": [x_in.grad],
                "parameter gradients": [p.grad for p in model.parameters()],
                "buffers": list(model.buffers()),
            }
        )
    mine, other = results
    return {name: _furthest(mine[name], other[name]) for name in mine}


def _furthest(a: Sequence[Tensor | None], b: Sequence[Tensor | None]) -> float:
    differences = [
        float((one.double() - two.double()).abs().max())
        for one, two in zip(a, b, strict=True)
        if one is not None and two is not None
    ]
    return max(differences)


def digit_pictures(count: int, size: int = 32) -> Tensor:
    """The first test digits as colour pictures, for a network that expects such: (N, 3, H, W)."""
    small = load(images=True).test_x[:count]
    return nn.functional.interpolate(small, size=(size, size)).expand(-1, 3, -1, -1).contiguous()
