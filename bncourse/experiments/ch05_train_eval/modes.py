"""Train mode against eval mode: what a trained network answers in each (notes 2.3 and 6)."""

import copy
import functools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bncourse.data import load
from bncourse.evidence import SEEDS, Claim, Result, measures, weigh
from bncourse.experiments.arms import generator
from bncourse.experiments.ch05_train_eval.trained import BATCH, ON, trained


def probabilities(
    net: nn.Module, x: Tensor, parts: Sequence[Tensor], *, record: bool = False
) -> Tensor:
    """Class probabilities `(N, K)`, each batch of `parts` by itself, in the mode that `net` is in.

    parts: index tensors that together hold each example of x once.
    record: whether torch records gradients meanwhile; the result is detached in any case.
    `net` is copied first, so that its running statistics stay as they are.
    """
    net = copy.deepcopy(net)
    with torch.set_grad_enabled(record):
        answers = torch.cat([net(x[part]).softmax(1).detach() for part in parts])
    rows = torch.empty_like(answers)
    rows[torch.cat(list(parts))] = answers
    return rows


def company(
    net: nn.Module, x: Tensor, size: int, draws: int, seed: int, *, record: bool = False
) -> Tensor:
    """Class probabilities of every example in `draws` random batches: `(draws, N, K)`.

    N examples must make whole batches of `size`. Raises ValueError if they do not.
    """
    if len(x) % size:
        raise ValueError(
            f"need whole batches, got {len(x)} images in batches of {size}: choose a size that "
            f"divides {len(x)}, or other images"
        )
    shuffle = generator(seed, stream=2)
    orders = [torch.randperm(len(x), generator=shuffle) for _ in range(draws)]
    return torch.stack([probabilities(net, x, o.split(size), record=record) for o in orders])


def disagreement(answers: Tensor) -> float:
    """How often two draws of `(draws, N, K)` give an example different classes, in percent."""
    classes = answers.argmax(-1)
    return 100 * float((classes[1:] != classes[:-1]).float().mean())


@functools.cache
def _crowds(seeds: tuple[int, ...], images: int, size: int, draws: int) -> dict[str, list[Tensor]]:
    """Answers for the first test images in random batches, per seed and mode."""
    x = load().test_x[:images]
    return {
        "train mode": [company(trained(seed), x, size, draws, seed) for seed in seeds],
        "eval mode": [company(trained(seed).eval(), x, size, draws, seed) for seed in seeds],
    }


@measures(
    Claim(
        id="batch-dependent",
        text="In training, each mini-batch has its own μ and σ, so that the answer for an image "
        "depends on its companions.",
        notes="2.3",
        chapter="05_train_eval",
        effect="test images put into another class by other companions (batches of 8)",
        above=1,
        unit="%",
    )
)
def batch_dependent(
    seeds: Sequence[int] = SEEDS, images: int = 448, size: int = 8, draws: int = 3
) -> Result:
    """For `draws` draws of random batches of `size` from the first `images` of the test set."""
    crowds = _crowds(tuple(seeds), images, size, draws)
    effects = [disagreement(answers) for answers in crowds["train mode"]]
    return weigh(batch_dependent.claim, effects, data=ON, seeds=seeds)


@measures(
    Claim(
        id="eval-independent",
        text="With running averages in place of batch statistics, inference does not depend on "
        "the batch.",
        notes="2.3",
        chapter="05_train_eval",
        effect="largest difference of a probability, in company and alone, in eval mode",
        below=1e-4,
        kind="derived",
    )
)
def eval_independent(
    seeds: Sequence[int] = SEEDS, images: int = 448, size: int = 8, draws: int = 3
) -> Result:
    """For the first hundred images, in the batches of `batch_dependent` and alone."""
    x, effects = load().test_x[: min(100, images)], []
    crowds = _crowds(tuple(seeds), images, size, draws)
    for seed, answers in zip(seeds, crowds["eval mode"], strict=True):
        alone = probabilities(trained(seed).eval(), x, torch.arange(len(x)).split(1))
        effects.append(float((answers[:, : len(x)] - alone).abs().max()))
    return weigh(eval_independent.claim, effects, data=ON, seeds=seeds)


@measures(
    Claim(
        id="eval-switches",
        text="model.eval() puts every BN layer into evaluation mode; torch.no_grad() does not.",
        notes="2.3",
        chapter="05_train_eval",
        effect="share of the disagreement among batches that eval() removes, less the share that "
        "no_grad() removes",
        above=99,
        unit="%",
        kind="derived",
    )
)
def eval_switches(
    seeds: Sequence[int] = SEEDS, images: int = 448, size: int = 8, draws: int = 3
) -> Result:
    """In the batches of `batch_dependent`."""
    x, effects = load().test_x[:images], []
    crowds = _crowds(tuple(seeds), images, size, draws)
    for i, seed in enumerate(seeds):
        # The batches that _crowds drew under no_grad, now with gradients recorded.
        recorded = disagreement(company(trained(seed), x, size, draws, seed, record=True))
        left = {mode: disagreement(answers[i]) for mode, answers in crowds.items()}
        effects.append(100 * (left["train mode"] - left["eval mode"]) / recorded)
    return weigh(eval_switches.claim, effects, data=ON, seeds=seeds)


@measures(
    Claim(
        id="affine-fixed-at-test",
        text="During testing, γ and β are fixed at their trained values.",
        notes="2.3",
        chapter="05_train_eval",
        effect="largest change of a γ or β during a pass over the test images in eval mode",
        below=1e-12,
        kind="derived",
    )
)
def affine_fixed_at_test(seeds: Sequence[int] = SEEDS, size: int = BATCH) -> Result:
    """In batches of `size`."""
    x, effects = load().test_x, []
    for seed in seeds:
        net = trained(seed).eval()
        before = [p.detach().clone() for p in affine(net)]
        for part in x.split(size):
            net(part)
        pairs = zip(affine(net), before, strict=True)
        effects.append(max(float((now.detach() - then).abs().max()) for now, then in pairs))
    return weigh(affine_fixed_at_test.claim, effects, data=ON, seeds=seeds)


def affine(net: nn.Module) -> list[nn.Parameter]:
    """γ and β of every normalisation layer named `norm`, as `MLP` names them."""
    return [p for name, p in net.named_parameters() if ".norm." in name]


@measures(
    Claim(
        id="modes-differ",
        text="BN layers do one thing in training mode (batch statistics), another in eval mode "
        "(running averages).",
        notes="6.4",
        chapter="05_train_eval",
        effect="probability mass that the two modes place on different classes (batches of 32)",
        above=1,
        unit="%",
    )
)
def modes_differ(
    seeds: Sequence[int] = SEEDS, images: int = 448, size: int = BATCH, draws: int = 5
) -> Result:
    """For `draws` draws of random batches of `size` from the first `images` of the test set."""
    x, effects = load().test_x[:images], []
    for seed in seeds:
        net = trained(seed)
        in_train = company(net, x, size, draws, seed)
        in_eval = company(net.eval(), x, size, 1, seed)
        effects.append(100 * float(0.5 * (in_train - in_eval).abs().sum(-1).mean()))
    return weigh(modes_differ.claim, effects, data=ON, seeds=seeds)
