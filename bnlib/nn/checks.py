"""What the layers of bnlib.nn refuse, with the types of exception that torch's layers raise.

Each message states the rule, the value received and the way out.
"""

from torch import Tensor

from bnlib.nn.formulas import accumulator, values_per_channel


def check_batch(x: Tensor, eps: float, training: bool) -> None:
    """ValueError where x cannot be normalised: 1 value per channel in training, or a bad eps."""
    if training and values_per_channel(x) == 1:
        raise ValueError(
            f"need more than 1 value per channel, got 1 of shape {tuple(x.shape)}: "
            "use a larger batch, or eval()"
        )
    if eps < 0 or (training and eps == 0):
        bound = "> 0 in training" if training else ">= 0"
        raise ValueError(f"need eps {bound}, got {eps}: 1e-5 is usual")


def check_state(x: Tensor, state: tuple[Tensor | None, ...], training: bool) -> None:
    """RuntimeError where x does not fit the layer's state: weight, bias, running mean and var.

    These have one value per channel, one type, that of x (or float32 for x in half precision),
    and one device. ValueError (in evaluation RuntimeError) where one running statistic is missing;
    NotImplementedError for x of integers or complex numbers.
    """
    if (state[2] is None) != (state[3] is None):
        error = ValueError if training else RuntimeError
        raise error("need running_mean and running_var, got one of them: set both, or neither")
    channels, dtype, device = x.size(1), x.dtype, x.device
    own = [v for v in state if v is not None]
    wide = accumulator(dtype)
    if dtype.is_floating_point and all(
        v.size(0) == channels and v.dtype is wide and v.device == device for v in own
    ):
        return  # what is usual
    for v in own:
        if v.size(0) != channels:
            raise RuntimeError(
                f"need {v.size(0)} channels, got {channels} of shape {tuple(x.shape)}: "
                "channels are axis 1"
            )
    if not dtype.is_floating_point:
        raise NotImplementedError(f"need floating-point input, got {dtype}: use x.float()")
    for v in own:
        if v.dtype != own[0].dtype or v.dtype not in (dtype, wide):
            raise RuntimeError(
                f"need parameters and statistics all in {dtype}, or in {wide}, "
                f"for {dtype} input, got {v.dtype}: use layer.to(x.dtype)"
            )
        if v.device != device:
            raise RuntimeError(
                f"need layer and input on one device, got {v.device} and {device}: "
                "use layer.to(x.device)"
            )
