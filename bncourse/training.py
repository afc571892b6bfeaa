"""Training: one network with `fit`, or many of the same shape at once with `fit_many`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F

from bncourse.data import Data
from bnlib.modes import evaluating

Order = Callable[[torch.Generator], Tensor]
OptimizerFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


@dataclass(frozen=True)
class History:
    """What happened in a training run, or in several (then with a leading axis of runs).

    losses, grad_norms: loss of the mini-batch, and norm of its whole gradient, `(..., steps)`.
    train_accuracy, test_accuracy: in eval mode, 0 to 1, `(..., evaluations)`.
    evaluated_at: the number of steps taken before each evaluation, `(evaluations,)`.
    """

    losses: np.ndarray
    grad_norms: np.ndarray
    train_accuracy: np.ndarray
    test_accuracy: np.ndarray
    evaluated_at: np.ndarray

    def steps_to(self, target: float) -> np.ndarray:
        """Steps until the test accuracy first reaches `target`; `(...)`.

        A run that never gets there counts with all its steps: read it as "at least".
        """
        reached = self.test_accuracy >= target
        first = reached.argmax(-1)
        return np.where(reached.any(-1), self.evaluated_at[first], self.evaluated_at[-1])


def classification_loss(logits: Tensor, y: Tensor) -> Tensor:
    """Mean cross entropy; the binary one where there is a single logit, `(N, 1)`."""
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits.squeeze(1), y.to(logits.dtype))
    return F.cross_entropy(logits, y)


def predicted_class(logits: Tensor) -> Tensor:
    """The likeliest class, `(N,)`, from logits `(N, K)` or `(N, 1)`."""
    if logits.shape[1] == 1:
        return (logits.squeeze(1) > 0).long()
    return logits.argmax(1)


def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Share of `x` that the model, in eval mode, puts into the right class; 0 to 1."""
    with evaluating(model):
        return float((predicted_class(model(x)) == y).float().mean())


def batches(order: Tensor, batch_size: int, *, drop_last: bool = True) -> list[Tensor]:
    """Cut an order of examples into index tensors of `batch_size`.

    drop_last: leave out a shorter last one: it would weigh more per example, and a last batch of
        one example has no batch statistics at all.
    """
    if batch_size < 1 or batch_size > len(order):
        raise ValueError(
            f"batch_size must lie between 1 and the {len(order)} examples, got {batch_size}"
        )
    parts = list(order.split(batch_size))
    if drop_last and len(parts[-1]) < batch_size:
        parts.pop()
    return parts


def fit(
    model: nn.Module,
    data: Data,
    *,
    steps: int,
    generator: torch.Generator,
    batch_size: int = 64,
    lr: float = 0.1,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    optimizer: OptimizerFactory | None = None,
    order: Order | None = None,
    drop_last: bool = True,
    eval_every: int | None = None,
    after_step: Callable[[int], None] | None = None,
) -> History:
    """Train `model` in place for a number of steps, and measure it on the way.

    generator: shuffles the examples anew for each pass over them.
    lr, momentum, weight_decay: for SGD; ignored where `optimizer` makes one from the parameters.
    order: given the generator, returns the order of the examples for one pass; default shuffled.
    eval_every: steps between evaluations, default one pass. The first comes before step 1, the
        last after the last step. Evaluations run in eval mode and leave no trace in the model.
    after_step: called with the number of steps taken, after each; for recording.

    Afterwards every module is back in the mode it had before. Raises ValueError for steps < 1 or
    a batch size that does not fit the data.
    """
    _check_steps(steps)
    order = order or (lambda g: torch.randperm(len(data.train_y), generator=g))
    make = optimizer or (
        lambda p: torch.optim.SGD(p, lr=lr, momentum=momentum, weight_decay=weight_decay)
    )
    parameters = [p for p in model.parameters() if p.requires_grad]
    updates = make(parameters)
    was = [(module, module.training) for module in model.modules()]
    losses, norms, evaluations = [], [], []
    pause = eval_every or len(
        batches(torch.arange(len(data.train_y)), batch_size, drop_last=drop_last)
    )

    def evaluate(step: int) -> None:
        train = accuracy(model, data.train_x, data.train_y)
        evaluations.append((step, train, accuracy(model, data.test_x, data.test_y)))

    model.train()
    try:
        queue: list[Tensor] = []
        for step in range(1, steps + 1):
            if not queue:
                queue = batches(order(generator), batch_size, drop_last=drop_last)
            if step == 1:
                evaluate(0)
            index = queue.pop(0)
            updates.zero_grad()
            loss = classification_loss(model(data.train_x[index]), data.train_y[index])
            loss.backward()
            losses.append(loss.item())
            norms.append(
                float(nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None]))
            )
            updates.step()
            if after_step is not None:
                after_step(step)
            if step % pause == 0 or step == steps:
                evaluate(step)
    finally:
        for module, mode in was:
            module.training = mode
    at, train_accuracy, test_accuracy = zip(*evaluations, strict=True)
    return History(
        np.array(losses),
        np.array(norms),
        np.array(train_accuracy),
        np.array(test_accuracy),
        np.array(at),
    )


def fit_many(
    models: Sequence[nn.Module],
    data: Data,
    *,
    steps: int,
    generators: Sequence[torch.Generator],
    lrs: float | Sequence[float] = 0.1,
    batch_size: int = 64,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    eval_every: int | None = None,
    eval_train: int | None = None,
) -> History:
    """Train models of one shape side by side with SGD: the same runs as `fit`, in less time.

    models: R models of the same structure, trained in place; `torch.func.vmap` runs them as one.
    generators: one per model. lrs: one for all, or one per model.
    eval_train: measure the training accuracy on the first so many examples, default all; where
        runs are short, measuring costs as much as training.

    Returns a History whose arrays have a leading axis of R runs. A run that diverges (NaN or inf)
    does so alone. The models end in the mode they had.
    """
    _check_steps(steps)
    runs = len(models)
    rates = torch.as_tensor(lrs, dtype=torch.float32).expand(runs)
    if len(generators) != runs:
        raise ValueError(f"need one generator per model, got {len(generators)} for {runs} models")
    base = models[0]
    was = [(module, module.training) for module in base.modules()]
    stacked, buffers = stack_module_state(list(models))
    parameters = {k: v.detach().requires_grad_() for k, v in stacked.items()}
    leaves = list(parameters.values())
    # A learning rate of its own for each run: scale the gradients, and let SGD step by 1.
    updates = torch.optim.SGD(leaves, lr=1.0, momentum=momentum)

    def outputs(x: Tensor, *, shared: bool) -> Tensor:
        def run(p: dict[str, Tensor], b: dict[str, Tensor], x: Tensor) -> Tensor:
            return functional_call(base, (p, b), (x,))

        return vmap(run, in_dims=(0, 0, None if shared else 0))(parameters, buffers, x)

    def right(x: Tensor, y: Tensor) -> np.ndarray:
        logits = outputs(x, shared=True)
        return np.array([float((predicted_class(one) == y).float().mean()) for one in logits])

    losses, norms, evaluations = [], [], []
    pause = eval_every or len(batches(torch.arange(len(data.train_y)), batch_size))

    def evaluate(step: int) -> None:
        base.eval()
        with torch.no_grad():
            train = right(data.train_x[:eval_train], data.train_y[:eval_train])
            evaluations.append((step, train, right(data.test_x, data.test_y)))
        base.train()

    base.train()
    try:
        queue: list[Tensor] = []
        for step in range(1, steps + 1):
            if not queue:
                orders = [torch.randperm(len(data.train_y), generator=g) for g in generators]
                parts = [batches(order, batch_size) for order in orders]
                queue = [torch.stack(index) for index in zip(*parts, strict=True)]
            if step == 1:
                evaluate(0)
            index = queue.pop(0)
            updates.zero_grad()
            logits = outputs(data.train_x[index], shared=False)
            loss = vmap(classification_loss)(logits, data.train_y[index])
            loss.sum().backward()
            losses.append(loss.detach().numpy())
            with torch.no_grad():
                used = [p for p in leaves if p.grad is not None]
                gradients = [p.grad for p in used if p.grad is not None]
                squares = [gradient.flatten(1).square().sum(1) for gradient in gradients]
                norms.append(torch.stack(squares).sum(0).sqrt().numpy())
                if weight_decay:
                    torch._foreach_add_(gradients, used, alpha=weight_decay)
                factors = [rates.view(-1, *[1] * (p.ndim - 1)) for p in used]
                torch._foreach_mul_(gradients, factors)
            updates.step()
            if step % pause == 0 or step == steps:
                evaluate(step)
    finally:
        for module, mode in was:
            module.training = mode
    for r, model in enumerate(models):
        state = model.state_dict(keep_vars=True)
        with torch.no_grad():
            for name, values in (parameters | buffers).items():
                state[name].copy_(values[r])
    at, train_accuracy, test_accuracy = zip(*evaluations, strict=True)
    return History(
        np.stack(losses, -1),
        np.stack(norms, -1),
        np.stack(train_accuracy, -1),
        np.stack(test_accuracy, -1),
        np.array(at),
    )


def _check_steps(steps: int) -> None:
    if steps < 1:
        raise ValueError(f"need at least 1 step, got steps={steps}")
