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

DRAWS = 3


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
        raise ValueError(f"{len(x)} examples make no whole batches of {size}: leave some out")
    shuffle = generator(seed, stream=2)
    orders = [torch.randperm(len(x), generator=shuffle) for _ in range(draws)]
    return torch.stack([probabilities(net, x, o.split(size), record=record) for o in orders])


def disagreement(answers: Tensor) -> float:
    """How often two draws of `(draws, N, K)` give an example different classes, in percent."""
    classes = answers.argmax(-1)
    return 100 * float((classes[1:] != classes[:-1]).float().mean())


def one_image(image: int, draws: int = 200, size: int = 8, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Answers for one test image in `draws` batches of `size`, and alone in eval mode.

    Returns (`(draws, K)`, `(K,)`): class probabilities. The companions are other test images.
    """
    x, net = load().test_x, trained(seed)
    others = torch.cat([torch.arange(image), torch.arange(image + 1, len(x))])
    shuffle = generator(seed, stream=3)
    answers = []
    for _ in range(draws):
        chosen = others[torch.randperm(len(others), generator=shuffle)[: size - 1]]
        batch = x[torch.cat([torch.tensor([image]), chosen])]
        answers.append(probabilities(net, batch, [torch.arange(size)])[0])
    alone = probabilities(net.eval(), x[image : image + 1], [torch.arange(1)])[0]
    return torch.stack(answers), alone


@functools.cache
def _crowds(seeds: tuple[int, ...]) -> dict[str, list[Tensor]]:
    """Answers for the first 448 test images in random batches of 8, per seed and mode."""
    x = load().test_x[:448]
    return {
        "train mode": [company(trained(seed), x, 8, DRAWS, seed) for seed in seeds],
        "eval mode": [company(trained(seed).eval(), x, 8, 2, seed) for seed in seeds],
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
def batch_dependent(seeds: Sequence[int] = SEEDS) -> Result:
    crowds = _crowds(tuple(seeds))
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
def eval_independent(seeds: Sequence[int] = SEEDS) -> Result:
    x, effects = load().test_x[:100], []
    for seed, answers in zip(seeds, _crowds(tuple(seeds))["eval mode"], strict=True):
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
def eval_switches(seeds: Sequence[int] = SEEDS) -> Result:
    x, effects = load().test_x[:448], []
    for i, seed in enumerate(seeds):
        # The batches that _crowds drew under no_grad, now with gradients recorded.
        recorded = disagreement(company(trained(seed), x, 8, DRAWS, seed, record=True))
        left = {mode: disagreement(answers[i]) for mode, answers in _crowds(tuple(seeds)).items()}
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
def affine_fixed_at_test(seeds: Sequence[int] = SEEDS) -> Result:
    x, effects = load().test_x, []
    for seed in seeds:
        net = trained(seed).eval()
        before = [p.detach().clone() for p in affine(net)]
        for part in x.split(BATCH):
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
def modes_differ(seeds: Sequence[int] = SEEDS) -> Result:
    x, effects = load().test_x[:448], []
    for seed in seeds:
        net = trained(seed)
        in_train = company(net, x, BATCH, 5, seed)
        in_eval = company(net.eval(), x, BATCH, 1, seed)
        effects.append(100 * float(0.5 * (in_train - in_eval).abs().sum(-1).mean()))
    return weigh(modes_differ.claim, effects, data=ON, seeds=seeds)
