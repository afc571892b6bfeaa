"""Exercise 10: six broken programs to repair."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from bncheck.question import Exercise, Inputs, Law, Mistake, Probe, Question, Section, source
from exercises.questions.inputs import batch

TRAIN_EVAL, EDGE, BACKWARD = "05_train_eval", "09_edge_cases", "04_backward"
MODES = Section(TRAIN_EVAL, "Two modes, two sets of numbers")
STRANGERS = Section(TRAIN_EVAL, "Your answer depends on strangers")
AVERAGE = Section(TRAIN_EVAL, "Where the fixed numbers come from")
MOMENTUM = Section(TRAIN_EVAL, "Two meanings of momentum")
VARIANCES = Section(TRAIN_EVAL, "One variance to normalise, another to remember")
NO_GRAD = Section(TRAIN_EVAL, "`no_grad` is not `eval`")
DOWNHILL = Section(TRAIN_EVAL, "Case 3: after the first validation it goes downhill")
TOO_EARLY = Section(TRAIN_EVAL, "Case 6: judged too early")
LAST = Section(TRAIN_EVAL, "Case 7: the last batch")
FORGOT = Section(TRAIN_EVAL, "Case 8: the file that forgot")
KEEPS = Section("06_pytorch", "What the layer keeps")
FREEZING = Section(EDGE, "Freezing and fine-tuning")
ONE = Section(EDGE, "The last batch of one")
NEW_DATA = Section(EDGE, "When the data change after training")
GRAPH = Section(BACKWARD, "The graph")

Batches = list[tuple[torch.Tensor, torch.Tensor]]

FIRST = 30.0  # seconds: the first optimizer of a process loads much of torch


# The references: the programs, repaired.


def validate(net: nn.Module, x_val: torch.Tensor, y_val: torch.Tensor) -> float:
    net.eval()
    with torch.no_grad():
        error = nn.functional.mse_loss(net(x_val), y_val)
    return error.item()


def train(
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Batches,
    x_val: torch.Tensor,
    y_val: torch.Tensor,
    epochs: int,
    every: int,
) -> list[float]:
    errors = []
    step = 0
    for _ in range(epochs):
        for x, y in batches:
            net.train()
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            optimizer.step()
            step += 1
            if step % every == 0:
                errors.append(validate(net, x_val, y_val))
    return errors


def predict(net: nn.Module, x: torch.Tensor, size: int) -> torch.Tensor:
    modes = [(module, module.training) for module in net.modules()]
    net.eval()
    outputs = []
    with torch.no_grad():
        for part in x.split(size):
            outputs.append(net(part))
    for module, mode in modes:
        module.training = mode
    return torch.cat(outputs)


def fine_tune(net: nn.Sequential, batches: Batches, epochs: int, rate: float) -> None:
    backbone = net[0]
    backbone.requires_grad_(False)
    learning = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=rate)
    for _ in range(epochs):
        net.train()
        backbone.eval()
        for x, y in batches:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            optimizer.step()


class BatchNorm(nn.Module):
    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def blend(self, old: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        return (1 - self.momentum) * old + self.momentum * new

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mu = self.running_mean
        var = self.running_var
        if self.training:
            n = len(x)
            mu = x.mean(dim=0)
            var = x.var(dim=0, correction=0)
            self.running_mean = self.blend(self.running_mean, mu.detach())
            self.running_var = self.blend(self.running_var, var.detach() * n / (n - 1))
        x_hat = (x - mu) / torch.sqrt(var + self.eps)
        return self.weight * x_hat + self.bias


def average(nets: list[nn.Module], batches: list[torch.Tensor]) -> nn.Module:
    states = [net.state_dict() for net in nets]
    averaged = copy.deepcopy(nets[0])
    layers = [m for m in averaged.modules() if isinstance(m, nn.BatchNorm1d)]
    momenta = [layer.momentum for layer in layers]
    with torch.no_grad():
        for name, own in averaged.named_parameters():
            own.copy_(torch.stack([state[name] for state in states]).mean(0))
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None
        averaged.train()
        for x in batches:
            averaged(x)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    return averaged.eval()


def cut(order: torch.Tensor, size: int) -> list[torch.Tensor]:
    return list(order.split(size))


def fit(
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    x: torch.Tensor,
    y: torch.Tensor,
    orders: list[torch.Tensor],
    size: int,
) -> None:
    for order in orders:
        net.train()
        for part in cut(order, size):
            if len(part) < size:
                continue
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x[part]), y[part])
            loss.backward()
            optimizer.step()


def test_error(net: nn.Module, x: torch.Tensor, y: torch.Tensor, size: int) -> float:
    net.eval()
    total = 0.0
    seen = 0
    with torch.no_grad():
        for part in cut(torch.arange(len(x)), size):
            total += ((net(x[part]) - y[part]) ** 2).sum().item()
            seen += len(part)
    return total / seen


# The programs as the learner gets them, in the notebook too.

TRAIN_GIVEN = '''\
def validate(net, x_val, y_val):
    """The mean squared error of `net` on the validation examples, as a number."""
    net.eval()
    with torch.no_grad():
        error = nn.functional.mse_loss(net(x_val), y_val)
    return error.item()


def train(net, optimizer, batches, x_val, y_val, epochs, every):
    """Train `net`; validate after every `every` steps, counted over all epochs.

    batches: list of (x, y).  Returns the list of validation errors.
    """
    errors = []
    step = 0
    net.train()
    for _ in range(epochs):
        for x, y in batches:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            optimizer.step()
            step += 1
            if step % every == 0:
                errors.append(validate(net, x_val, y_val))
    return errors
'''

PREDICT_GIVEN = '''\
def predict(net, x, size):
    """The outputs of `net` for all examples of x, computed in parts of `size` examples.

    x: (N, C).  Returns the outputs, (N, K), without a graph.  Leaves the network as it was.
    """
    outputs = []
    with torch.no_grad():
        for part in x.split(size):
            outputs.append(net(part))
    return torch.cat(outputs)
'''

FINE_TUNE_GIVEN = '''\
def fine_tune(net, batches, epochs, rate):
    """Train the head of `net` on the new task, with the backbone frozen.

    net: nn.Sequential(backbone, head); batches: list of (x, y).  Returns nothing.
    """
    backbone = net[0]
    for layer in backbone:
        if isinstance(layer, nn.Linear):
            layer.requires_grad_(False)
    backbone.eval()
    learning = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=rate)
    for _ in range(epochs):
        net.train()
        for x, y in batches:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            optimizer.step()
'''

LAYER_GIVEN = '''\
class BatchNorm(nn.Module):
    """Batch normalization of (N, C).  momentum: weight of the new batch."""

    def __init__(self, channels, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.running_mean = torch.zeros(channels)
        self.running_var = torch.ones(channels)

    def blend(self, old, new):
        """The running value after a batch whose own value is `new`."""
        return self.momentum * old + (1 - self.momentum) * new

    def forward(self, x):
        """Normalise x, (N, C), by the batch in train mode, by memory in eval mode."""
        mu = self.running_mean
        var = self.running_var
        if self.training:
            n = len(x)
            mu = x.mean(dim=0)
            var = x.var(dim=0, correction=0)
            self.running_mean = self.blend(self.running_mean, mu)
            self.running_var = self.blend(self.running_var, var * n / (n - 1))
        x_hat = (x - mu) / torch.sqrt(var + self.eps)
        return self.weight * x_hat + self.bias
'''

AVERAGE_GIVEN = '''\
def average(nets, batches):
    """One network whose parameters are the means of those of `nets`, ready to predict.

    nets: networks of the same form; batches: list of training inputs, (N, C) each.
    """
    states = [net.state_dict() for net in nets]
    averaged = copy.deepcopy(nets[0])
    with torch.no_grad():
        for name, own in averaged.named_parameters():
            own.copy_(torch.stack([state[name] for state in states]).mean(0))
        averaged.train()
        for x in batches:
            averaged(x)
    return averaged.eval()
'''

FIT_GIVEN = '''\
def cut(order, size):
    """Cut an order of examples, a tensor of indices, into batches."""
    return list(order.split(size))


def fit(net, optimizer, x, y, orders, size):
    """Train `net`, one epoch for each order in `orders`.  Returns nothing."""
    for order in orders:
        net.train()
        for part in cut(order, size):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x[part]), y[part])
            loss.backward()
            optimizer.step()


def test_error(net, x, y, size):
    """The mean of the squared error over all examples, computed in batches; y: (N, 1)."""
    net.eval()
    total = 0.0
    seen = 0
    with torch.no_grad():
        for part in cut(torch.arange(len(x)), size):
            total += ((net(x[part]) - y[part]) ** 2).sum().item()
            seen += len(part)
    return total / seen
'''


# 1. A training run.


def steps(rng: np.random.Generator, count: int, n: int, channels: int) -> np.ndarray:
    """The inputs of training batches, `(count, n, channels)`, all different."""
    return np.stack([batch(rng, n, channels) for _ in range(count)])


def with_validation(rng: np.random.Generator, count: int, n: int, channels: int) -> Inputs:
    """Training batches, and four validation examples that differ from them."""
    return {
        "x": steps(rng, count, n, channels),
        "x_val": (1.5 * batch(rng, 4, channels) + 1).round(2),
    }


TRAINED = """\
net = torch.nn.Sequential(torch.nn.Linear({c}, 3), torch.nn.BatchNorm1d(3),
                          {middle}, torch.nn.Linear(3, 1)).double()
net.train({mode})
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
batches = [(part, part.sum(dim=1, keepdim=True).sin()) for part in torch.tensor(x)]
x_val = torch.tensor(x_val)
y_val = x_val.sum(dim=1, keepdim=True).cos()
errors = train(net, optimizer, batches, x_val, y_val, epochs={epochs}, every={every})
steps = {epochs} * len(batches)"""


RELU, DROPOUT = "torch.nn.ReLU()", "torch.nn.ReLU(), torch.nn.Dropout(0.4)"


def steps_in_train_mode(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The counter of the BN layer, against the number of training steps."""
    steps, seen = values["steps"], int(values["net.state_dict()"]["1.num_batches_tracked"])
    if seen == steps:
        return None
    why = (
        "some step was taken in eval"
        if seen < steps
        else "something besides the steps ran in train"
    )
    return (
        f"{steps:.0f} steps were taken, and the BN layer saw {seen} batches in train mode: "
        f"{why} mode."
    )


TRAINING = Question(
    name="training",
    title="It stops learning after the first report",
    names=("train",),
    reference=source(validate, train),
    given=TRAIN_GIVEN,
    preamble="import copy\n\nimport numpy as np\nimport torch\nfrom torch import nn\n",
    seconds=FIRST,
    probes=(
        Probe(
            "two batches, validation after each epoch",
            "validation after each epoch",
            TRAINED.format(c=2, middle=RELU, mode=True, epochs=3, every=2),
            ("errors", "steps", "net.state_dict()"),
            lambda rng: with_validation(rng, 2, 4, 2),
        ),
        Probe(
            "four batches, validation every three steps",
            "validation within an epoch",
            TRAINED.format(c=3, middle=DROPOUT, mode=True, epochs=2, every=3),
            ("errors", "steps", "net.state_dict()"),
            lambda rng: with_validation(rng, 4, 5, 3),
        ),
        Probe(
            "a network that arrives in eval mode",
            "a network in eval mode",
            TRAINED.format(c=2, middle=RELU, mode=False, epochs=2, every=2),
            ("errors", "steps", "net.state_dict()"),
            lambda rng: with_validation(rng, 3, 5, 2),
        ),
    ),
    points={
        "validation after each epoch": 1,
        "validation within an epoch": 1,
        "a network in eval mode": 1,
    },
    mistakes=(
        Mistake(
            "train() only at the start of an epoch",
            "That is enough where validation comes after the last step of an epoch. Here it can "
            "come in the middle of one, and the steps that follow it in the same epoch are taken "
            "in eval mode.",
            DOWNHILL,
            (
                (
                    "        for x, y in batches:\n            net.train()\n",
                    "        net.train()\n        for x, y in batches:\n",
                ),
            ),
            number=19,
        ),
        Mistake(
            "train() only after a validation",
            "You restore train mode after each validation and rely on the network having been in "
            "train mode before. One that arrives in eval mode takes its first steps in eval mode.",
            MODES,
            (
                ("            net.train()\n", ""),
                (
                    "errors.append(validate(net, x_val, y_val))\n",
                    "errors += [validate(net, x_val, y_val)]\n                net.train(True)\n",
                ),
            ),
        ),
        Mistake(
            "train() after the forward pass",
            "The mode counts while the network computes its output. Your train() comes later in "
            "the step, so the first step after a validation still uses the running statistics.",
            DOWNHILL,
            (
                ("            net.train()\n", ""),
                (
                    "            loss.backward()\n",
                    "            loss.backward()\n            net.train(True)\n",
                ),
            ),
            number=19,
        ),
        Mistake(
            "train mode does not reach the layers",
            "After a validation the BN layers are still in eval mode, and in one that arrives so "
            "they never leave it. `net.train` without brackets calls nothing, and "
            "`net.training = True` sets the flag of the outermost module alone.",
            MODES,
            (("            net.train()\n", "            net.training = True\n"),),
            number=19,
        ),
        Mistake(
            "no_grad taken for eval mode",
            "Validation now runs in train mode: its error depends on the validation batch, and the "
            "running statistics take in validation data. `no_grad` prevents neither. Keep eval() "
            "there, and repair what comes after it.",
            NO_GRAD,
            (("    net.eval()\n", ""),),
            number=20,
        ),
        Mistake(
            "training in eval mode",
            "Now all steps are taken in eval mode, also those before the first validation: the "
            "layers normalise with running statistics that no batch ever reaches.",
            MODES,
            (("            net.train()\n", "            net.eval()\n"),),
        ),
        Mistake(
            "the running statistics are switched off",
            "With `track_running_stats=False` training no longer moves the running statistics. "
            "Validation in eval mode then works with their starting values, 0 and 1.",
            AVERAGE,
            (
                (
                    "    step = 0\n",
                    "    step = 0\n    for module in net.modules():\n"
                    "        if isinstance(module, nn.BatchNorm1d):\n"
                    "            module.track_running_stats = False\n",
                ),
            ),
        ),
        Mistake(
            "validation only at the end of each epoch",
            "You moved the validation to the end of the epoch. That avoids the symptom, but the "
            "report is to have an error after every `every` steps: restore the mode instead.",
            DOWNHILL,
            (
                (
                    "            if step % every == 0:\n"
                    "                errors.append(validate(net, x_val, y_val))\n",
                    "        errors.append(validate(net, x_val, y_val))\n",
                ),
            ),
        ),
        Mistake(
            "batch statistics in eval mode",
            "Validation leaves no trace now, since you put the old state back. But the network "
            "still computes in train mode there, so each error depends on which examples are "
            "validated together. Use eval mode.",
            STRANGERS,
            (
                ("    net.eval()\n", "    state = copy.deepcopy(net.state_dict())\n"),
                (
                    "    return error.item()",
                    "    net.load_state_dict(state)\n    return error.item()",
                ),
            ),
            number=16,
        ),
        Mistake(
            "only the BN layers are in eval mode",
            "Dropout has two modes as well, and during your validation it still drops at random. "
            "Call eval() on the network: it reaches every layer.",
            NO_GRAD,
            (
                (
                    "    net.eval()\n",
                    "    for layer in net.modules():\n"
                    "        if isinstance(layer, nn.BatchNorm1d):\n"
                    "            layer.eval()\n",
                ),
            ),
        ),
        Mistake(
            "steps counted anew in each epoch",
            "Your count starts again with every epoch. `every` counts the steps over all epochs: "
            "set the counter to 0 once, before the first.",
            DOWNHILL,
            (
                (
                    "    for _ in range(epochs):\n",
                    "    for _ in range(epochs):\n        step = 0 * len(errors)\n",
                ),
            ),
        ),
        Mistake(
            "validation one step too early",
            "Your count starts at 1, so the first validation comes a step too early. Start at 0 "
            "and count a step when it is done.",
            DOWNHILL,
            (("    step = 0\n", "    step = 1\n"),),
        ),
        Mistake(
            "validation before the step",
            "You validate at the start of a step, so the first error is that of the untrained "
            "network. Each error comes after `every` steps: validate when the step is done.",
            DOWNHILL,
            (
                (
                    "            step += 1\n"
                    "            if step % every == 0:\n"
                    "                errors.append(validate(net, x_val, y_val))\n",
                    "            step += 1\n",
                ),
                (
                    "        for x, y in batches:\n",
                    "        for x, y in batches:\n"
                    "            if step % every == 0:\n"
                    "                errors.append(validate(net, x_val, y_val))\n",
                ),
            ),
        ),
    ),
    hints=(
        "Note the mode of the network at each step, from the first to the last. When does it "
        "change?",
        "Two steps that follow each other should be taken in the same mode, whether or not "
        "somebody validated in between.",
        "Choose the place from which every step, in any epoch and after any validation, passes "
        "through `train`; or have the validation put back the mode that it found and set the mode "
        "before the first step.",
    ),
    read=MODES,
    laws=(Law("steps in train mode", steps_in_train_mode),),
)


# 2. Predictions.


def changed(before: str, after: str, kind: str) -> Law:
    """No entry of the state `before` is another in the state `after`."""

    def broken(inputs: Inputs, values: dict[str, Any]) -> str | None:
        moved = [
            name
            for name, value in values[before].items()
            if not np.allclose(value, values[after][name], rtol=1e-9, atol=1e-12)
        ]
        if not moved:
            return None
        return f"{', '.join(f'`{name}`' for name in moved)} changed, and {kind}."

    return Law("unchanged state", broken)


def other_modes(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """A module that is left in another mode than it came in."""
    before, after = values["modes_before"], values["modes_after"]
    for name, mode in before.items():
        if after[name] != mode:
            module = f"`net[{name.replace('.', '][')}]`" if name else "the network itself"
            came, left = ("train", "eval") if mode else ("eval", "train")
            return f"{module} came in {came} mode and is left in {left} mode."
    return None


PREDICTED = """\
net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3),
                          torch.nn.Linear(3, 2)).double()
_ = net(torch.tensor(old))"""

DEEPER = """\
block = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.Dropout(0.5))
net = torch.nn.Sequential(block, torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)).double()
_ = net(torch.tensor(old))
_ = net[0][1].eval(), net[2].eval()"""

LOOK = """
before = {name: value.clone() for name, value in net.state_dict().items()}
modes_before = {name: module.training for name, module in net.named_modules()}
out = predict(net, torch.tensor(x), 2)
after = net.state_dict()
modes_after = {name: module.training for name, module in net.named_modules()}
learns = [p.requires_grad for p in net.parameters()]"""


def seen_and_new(rng: np.random.Generator, n: int) -> Inputs:
    """Examples that the network has seen, and `n` others of another mean and spread."""
    return {"old": batch(rng, 5, 2), "x": (0.5 * batch(rng, n, 2) - 1).round(2)}


PREDICTION = Question(
    name="prediction",
    title="The same example, another answer",
    names=("predict",),
    reference=source(predict),
    given=PREDICT_GIVEN,
    preamble="import copy\n\nimport numpy as np\nimport torch\nfrom torch import nn\n",
    probes=(
        Probe(
            "four examples in parts of two",
            "outputs",
            PREDICTED + "\nout = predict(net, torch.tensor(x), 2)"
            "\ngraph = torch.is_tensor(out) and out.requires_grad",
            ("out", "graph"),
            lambda rng: seen_and_new(rng, 4),
        ),
        Probe(
            "five examples in parts of two",
            "outputs",
            PREDICTED + "\nout = predict(net, torch.tensor(x), 2)"
            "\ngraph = torch.is_tensor(out) and out.requires_grad",
            ("out", "graph"),
            lambda rng: seen_and_new(rng, 5),
        ),
        Probe(
            "the network afterwards",
            "the network afterwards",
            PREDICTED + LOOK,
            ("before", "after", "modes_before", "modes_after", "learns"),
            lambda rng: seen_and_new(rng, 4),
        ),
        Probe(
            "a network that arrives in eval mode",
            "the network afterwards",
            PREDICTED + "\n_ = net.eval()" + LOOK,
            ("before", "after", "modes_before", "modes_after", "learns"),
            lambda rng: seen_and_new(rng, 4),
        ),
        Probe(
            "two layers frozen, the rest in train mode",
            "frozen layers",
            DEEPER + LOOK,
            ("out", "before", "after", "modes_before", "modes_after", "learns"),
            lambda rng: seen_and_new(rng, 4),
        ),
    ),
    points={"outputs": 1, "the network afterwards": 1, "frozen layers": 1},
    mistakes=(
        Mistake(
            "left in eval mode",
            "The outputs are right, but the network that came in train mode stays in eval mode: "
            "whoever trains it next trains in eval mode.",
            DOWNHILL,
            (("        module.training = mode\n", "        pass\n"),),
            number=19,
        ),
        Mistake(
            "train mode, whatever it was before",
            "You end with train(). A network that came in eval mode is now in train mode, and its "
            "next answers depend on their company. Note the modes first, and put those back.",
            MODES,
            (
                (
                    "    for module, mode in modes:\n        module.training = mode\n",
                    "    net.train()\n",
                ),
            ),
        ),
        Mistake(
            "eval() undone by train()",
            "You put back the mode of the whole network, but `train()` switches every layer in it. "
            "A layer that was frozen in eval mode is thawed: note the mode of each module.",
            FREEZING,
            (
                (
                    "    for module, mode in modes:\n        module.training = mode\n",
                    "    net.train(modes[0][1])\n",
                ),
            ),
            number=30,
        ),
        Mistake(
            "batch statistics in eval mode",
            "The running statistics no longer change, yet the outputs still come from the "
            "statistics of each part, as in train mode. To predict, use the running statistics: "
            "that is what eval mode is for.",
            STRANGERS,
            (
                ("    net.eval()\n", "    state = copy.deepcopy(net.state_dict())\n"),
                (
                    "    return torch.cat(outputs)",
                    "    net.load_state_dict(state)\n    return torch.cat(outputs)",
                ),
            ),
            number=16,
        ),
        Mistake(
            "momentum 0 taken for a freeze",
            "Momentum 0 stops the running statistics, but the layer is still in train mode: it "
            "normalises with the statistics of the part, and counts it as a batch seen.",
            STRANGERS,
            (
                (
                    "    net.eval()\n",
                    "    for layer in net.modules():\n"
                    "        if isinstance(layer, nn.BatchNorm1d):\n"
                    "            layer.momentum = 0.0\n",
                ),
            ),
        ),
        Mistake(
            "one large batch in place of eval mode",
            "All examples now go through in one batch. It is noisier or quieter, but still train "
            "mode: each answer depends on the others, and the running statistics move.",
            STRANGERS,
            (("    net.eval()\n", ""), ("x.split(size)", "x.split(len(x))")),
            number=16,
        ),
        Mistake(
            "only the BN layers are in eval mode",
            "Dropout has two modes as well, and here it still drops at random. Call eval() on the "
            "network: it reaches every layer.",
            NO_GRAD,
            (
                (
                    "    net.eval()\n",
                    "    for layer in net.modules():\n"
                    "        if isinstance(layer, nn.BatchNorm1d):\n"
                    "            layer.eval()\n",
                ),
            ),
        ),
        Mistake(
            "eval() after the outputs",
            "The mode counts while the network computes. You call eval() when the outputs exist "
            "already: they were computed in train mode, and the network stays in eval mode.",
            MODES,
            (
                ("    net.eval()\n", ""),
                ("    return torch.cat(outputs)", "    net.eval()\n    return torch.cat(outputs)"),
            ),
        ),
        Mistake(
            "eval() after the first part",
            "The mode counts while the network computes. Your eval() comes after the first part "
            "has been through, so that part was still normalised by itself.",
            MODES,
            (
                ("    net.eval()\n", ""),
                (
                    "            outputs.append(net(part))\n",
                    "            outputs.append(net(part))\n            net.eval()\n",
                ),
            ),
        ),
        Mistake(
            "eval taken for no_grad",
            "Without `no_grad` the outputs carry the graph of the whole computation, and hold its "
            "memory. eval() speaks to the layers, `no_grad` to autograd: use both.",
            NO_GRAD,
            (("    with torch.no_grad():\n", "    with torch.enable_grad():\n"),),
        ),
        Mistake(
            "the parameters are left frozen",
            "The outputs carry no graph because you took the gradients away from the parameters, "
            "and these stay without: whoever trains the network next trains nothing. `no_grad` "
            "changes nothing in the network.",
            NO_GRAD,
            (("    net.eval()\n", "    net.eval()\n    net.requires_grad_(False)\n"),),
        ),
        Mistake(
            "only the outer layers get back their mode",
            "You note the modes of the outermost layers, and `train` passes them on to all that "
            "is inside. A layer deeper down may have had another: `modules` walks through all.",
            FREEZING,
            (
                ("net.modules()]", "[net, *net.children()]]"),
                ("module.training = mode", "module.train(mode)"),
            ),
            number=30,
        ),
        Mistake(
            "the example left over is dropped",
            "You pass over a part of one example, and its output is missing. In eval mode a part "
            "may have any size.",
            ONE,
            (
                (
                    "outputs.append(net(part))",
                    "outputs.extend([net(part)] if len(part) > 1 else [])",
                ),
            ),
        ),
    ),
    hints=(
        "Why would the answer for one example depend on the others? Which numbers of them does it "
        "need?",
        "There is a switch for autograd and one for the layers. Which one is in the program?",
        "Note the mode of every module, switch the network to the mode for predicting, compute, "
        "and give every module the mode that it had. `modules` walks through all of them.",
    ),
    read=NO_GRAD,
    laws=(
        changed("before", "after", "predicting must leave the network as it was"),
        Law("modes", other_modes),
    ),
)


# 3. Fine-tuning.

TUNED = """\
backbone = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3), torch.nn.ReLU())
head = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 1))
net = torch.nn.Sequential(backbone, head).double()
for _ in range(20):
    _ = net(torch.tensor(old))
batches = [(part, part.sum(dim=1, keepdim=True).sin()) for part in torch.tensor(x)]
_ = net.train({mode})
before = {{name: value.clone() for name, value in backbone.state_dict().items()}}
fine_tune(net, batches, epochs=3, rate=0.1)"""


def old_and_new(rng: np.random.Generator, count: int) -> Inputs:
    """Examples of the old task, and batches of a new one."""
    return {"old": batch(rng, 5, 2), "x": (0.5 * steps(rng, count, 4, 2) + 1).round(2)}


FINE_TUNING = Question(
    name="fine_tuning",
    title="Frozen, and yet it forgets",
    names=("fine_tune",),
    reference=source(fine_tune),
    given=FINE_TUNE_GIVEN,
    preamble="import copy\n\nimport numpy as np\nimport torch\nfrom torch import nn\n",
    seconds=FIRST,
    probes=(
        Probe(
            "the statistics of the backbone",
            "statistics",
            TUNED.format(mode=True).replace("state_dict().items()", "named_buffers()")
            + "\nafter = dict(backbone.named_buffers())",
            ("before", "after"),
            lambda rng: old_and_new(rng, 2),
        ),
        Probe(
            "the backbone",
            "backbone",
            TUNED.format(mode=True)
            + "\nafter = backbone.state_dict()\nout = backbone.eval()(torch.tensor(old))",
            ("before", "after", "out"),
            lambda rng: old_and_new(rng, 3),
        ),
        Probe(
            "the head",
            "head",
            TUNED.format(mode=True),
            ("list(head.parameters())", "head[1].running_mean", "head[1].running_var"),
            lambda rng: old_and_new(rng, 3),
        ),
        Probe(
            "the head of a network that arrives in eval mode",
            "head",
            TUNED.format(mode=False),
            ("list(head.parameters())", "head[1].running_mean", "head[1].running_var"),
            lambda rng: old_and_new(rng, 2),
        ),
    ),
    points={"statistics": 1, "backbone": 1, "head": 1},
    mistakes=(
        Mistake(
            "γ and β still learn",
            "The statistics stay, but γ and β of the backbone are parameters: eval mode does not "
            "keep the optimizer from moving them. Take their gradients away too.",
            FREEZING,
            (
                (
                    "    backbone.requires_grad_(False)\n",
                    "    for layer in backbone:\n"
                    "        if isinstance(layer, nn.Linear):\n"
                    "            layer.requires_grad_(False)\n",
                ),
            ),
            number=31,
        ),
        Mistake(
            "frozen by requires_grad alone",
            "No parameter of the backbone moves, but its running statistics do: they are buffers, "
            "and every forward pass in train mode moves them. An eval() before the loop does not "
            "help, since the train() of the next epoch undoes it.",
            FREEZING,
            (("        backbone.eval()\n", ""),),
            number=29,
        ),
        Mistake(
            "eval() undone by train()",
            "You freeze the backbone before the first epoch. The train() that follows this epoch "
            "thaws it, and from then on its running statistics move.",
            FREEZING,
            (
                (
                    "    for _ in range(epochs):\n        net.train()\n        backbone.eval()\n",
                    "    net.train()\n    backbone.eval()\n    for _ in range(epochs):\n",
                ),
                (
                    "            optimizer.step()\n",
                    "            optimizer.step()\n        net.train()\n",
                ),
            ),
            number=30,
        ),
        Mistake(
            "the head is in eval mode too",
            "The head's BN layer is new: it is to normalise with its batches and to gather "
            "statistics of them. In eval mode it uses its starting values, 0 and 1. Freeze the "
            "backbone alone, and leave the rest of the network in train mode.",
            MODES,
            (("        net.train()\n", "        net.eval()\n"),),
        ),
        Mistake(
            "γ and β of the head are frozen",
            "The head's BN layer is to learn: take the gradients away from the backbone's "
            "parameters only.",
            FREEZING,
            (
                (
                    "    backbone.requires_grad_(False)\n",
                    "    backbone.requires_grad_(False)\n"
                    "    for layer in net.modules():\n"
                    "        if isinstance(layer, nn.BatchNorm1d):\n"
                    "            layer.requires_grad_(False)\n",
                ),
            ),
        ),
        Mistake(
            "momentum 0 taken for a freeze",
            "Momentum 0 stops the running statistics, but the backbone still normalises with the "
            "batch: the head learns on other features than it will meet in eval mode.",
            MODES,
            (
                (
                    "        backbone.eval()\n",
                    "        for layer in backbone.modules():\n"
                    "            if isinstance(layer, nn.BatchNorm1d):\n"
                    "                layer.momentum = 0.0\n",
                ),
            ),
        ),
        Mistake(
            "the running statistics are kept and not used",
            "The running statistics of the backbone end as they began, but during training it "
            "normalises with the batch: the head learns on other features than it will meet. Eval "
            "mode keeps the statistics and uses them.",
            MODES,
            (
                (
                    "        backbone.eval()\n",
                    "        for layer in backbone.modules():\n"
                    "            if isinstance(layer, nn.BatchNorm1d):\n"
                    "                layer.track_running_stats = False\n",
                ),
            ),
        ),
        Mistake(
            "the weight matrices learn",
            "You freeze γ and β of the backbone and let its weight matrices go. All parameters of "
            "the backbone are to stay.",
            FREEZING,
            (
                (
                    "    backbone.requires_grad_(False)\n",
                    "    for layer in backbone:\n"
                    "        if isinstance(layer, nn.BatchNorm1d):\n"
                    "            layer.requires_grad_(False)\n",
                ),
            ),
        ),
        Mistake(
            "the parameters still learn",
            "Eval mode keeps the statistics, and every parameter of the backbone still learns. "
            "`layer.requires_grad = False` on a layer only sets an attribute that nobody reads: "
            "`requires_grad_` passes it on to the parameters.",
            FREEZING,
            (("    backbone.requires_grad_(False)\n", ""),),
        ),
        Mistake(
            "the backbone learns and is put back",
            "At the end the backbone is the old one, but while the head was learning it was "
            "another in every step. The head fits a backbone that no longer exists: freeze it "
            "during training.",
            FREEZING,
            (
                (
                    "    backbone.requires_grad_(False)\n",
                    "    state = copy.deepcopy(backbone.state_dict())\n",
                ),
                ("        backbone.eval()\n", ""),
                (
                    "            optimizer.step()\n",
                    "            optimizer.step()\n    backbone.load_state_dict(state)\n",
                ),
            ),
        ),
        Mistake(
            "a copy is trained",
            "You train a deep copy, and nothing comes back: the head that you were given has "
            "learned nothing. Train the network itself.",
            FREEZING,
            (
                (
                    "    backbone = net[0]\n",
                    "    net = copy.deepcopy(net)\n    backbone = net[0]\n",
                ),
            ),
        ),
        Mistake(
            "the head keeps the mode in which it came",
            "No line puts the head into train mode. If the network was in eval mode before, the "
            "new BN layer works with its starting values, 0 and 1, and gathers no statistics.",
            MODES,
            (("        net.train()\n", ""),),
            number=19,
        ),
    ),
    hints=(
        "List everything that the backbone computes with. What of it can move, and what moves it?",
        "There are two things to freeze in a BN layer, one moved by the optimizer and one by the "
        "forward pass. And which line can undo what an earlier line has set?",
        "Take the gradients away from all parameters of the backbone. At the start of each epoch "
        "set the mode of the whole network, and after that the mode of the backbone.",
    ),
    read=FREEZING,
    laws=(changed("before", "after", "the backbone is to stay as it was"),),
)


# 4. A layer written by hand.


def in_the_graph(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """A running statistic that remembers how it was computed."""
    names = [n for n in ("running_mean", "running_var") if values[f"layer.{n}.requires_grad"]]
    if not names and not np.any(values["dx"]):
        return "`dx` is 0: the graph is cut between x and the output, where it is needed."
    if not names:
        return None
    return (
        f"`{names[0]}` requires a gradient after a step: it holds on to the graph of every batch "
        "that went into it."
    )


def first_step(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """The running statistics after one batch, with momentum 0.1."""
    x = inputs["x"]
    if "layer.running_var" not in values or x.shape[1] != 2:
        return None
    wanted = {"mean": (0.0, x.mean(0)), "var": (1.0, x.var(0, ddof=1))}
    for name, (start, new) in wanted.items():
        seen, right = values[f"layer.running_{name}"], 0.9 * start + 0.1 * new
        if not np.allclose(seen, right, rtol=1e-5):
            return (
                f"after one batch `running_{name}` is {seen[0]:.4g} in channel 0. The batch has "
                f"{new[0]:.4g}{', divided by n − 1' if start else ''}, so expected is "
                f"0.9 · {start:.0f} + 0.1 · {new[0]:.4g} = {right[0]:.4g}."
            )
    return None


def one_batch(rng: np.random.Generator, n: int, channels: int) -> Inputs:
    """A batch and a random upstream gradient."""
    return {"x": batch(rng, n, channels), "dy": rng.standard_normal((n, channels)).round(2)}


LAYER = Question(
    name="layer",
    title="A layer with a bad memory",
    names=("BatchNorm",),
    reference=source(BatchNorm),
    given=LAYER_GIVEN,
    from_scratch=True,
    probes=(
        Probe(
            "one batch",
            "statistics",
            "layer = BatchNorm(2).double()\n_ = layer(torch.tensor(x))",
            ("layer.running_mean", "layer.running_var"),
            lambda rng: {"x": batch(rng, 4, 2)},
        ),
        Probe(
            "two batches with momentum 0.3",
            "statistics",
            "layer = BatchNorm(3, momentum=0.3).double()\n_ = layer(torch.tensor(x))\n"
            "_ = layer(2 * torch.tensor(x) + 1)",
            ("layer.running_mean", "layer.running_var"),
            lambda rng: {"x": batch(rng, 5, 3)},
        ),
        Probe(
            "a layer in eval mode",
            "statistics",
            "layer = BatchNorm(3).double()\n_ = layer(torch.tensor(x))\n"
            "out = layer.eval()(2 * torch.tensor(x) + 1)",
            ("out", "layer.running_mean", "layer.running_var"),
            lambda rng: {"x": batch(rng, 4, 3)},
        ),
        Probe(
            "saved and loaded",
            "file",
            "layer, loaded = BatchNorm(3).double(), BatchNorm(3).double()\n"
            "_ = layer(torch.tensor(x))\n"
            "state = layer.state_dict()\n_ = loaded.load_state_dict(state)\n"
            "before, after = layer.eval()(torch.tensor(x)), loaded.eval()(torch.tensor(x))\n"
            "same_outputs = torch.allclose(before, after)\n"
            "saved = {name: value.shape for name, value in state.items()}\n"
            "parameters = {name: p.shape for name, p in layer.named_parameters()}\n"
            "buffers = {name: b.shape for name, b in layer.named_buffers()}",
            ("same_outputs", "saved", "parameters", "buffers"),
            lambda rng: {"x": batch(rng, 5, 3)},
        ),
        Probe(
            "a step backwards",
            "graph",
            "layer = BatchNorm(3).double()\nx = torch.tensor(x, requires_grad=True)\n"
            "y = layer(x)\n"
            "dx, dgamma = torch.autograd.grad(y, (x, layer.weight), torch.tensor(dy),\n"
            "                                 materialize_grads=True)",
            (
                "y",
                "dx",
                "dgamma",
                "layer.running_mean.requires_grad",
                "layer.running_var.requires_grad",
            ),
            lambda rng: one_batch(rng, 5, 3),
        ),
    ),
    points={"statistics": 1, "file": 1, "graph": 1},
    mistakes=(
        Mistake(
            "running statistics as plain attributes",
            "The running statistics are neither parameters nor buffers, so `state_dict` does not "
            "hold them: a loaded layer has 0 and 1 again. Register them as buffers.",
            FORGOT,
            (
                (
                    'self.register_buffer("running_mean", torch.zeros(channels))',
                    "self.running_mean = torch.zeros(channels)",
                ),
                (
                    'self.register_buffer("running_var", torch.ones(channels))',
                    "self.running_var = torch.ones(channels)",
                ),
            ),
            number=12,
        ),
        Mistake(
            "buffers that are not saved",
            "With `persistent=False` a buffer moves with the model, but is left out of the "
            "`state_dict`: a loaded layer has 0 and 1 again.",
            KEEPS,
            (
                (
                    '"running_mean", torch.zeros(channels)',
                    '"running_mean", torch.zeros(channels), persistent=False',
                ),
                (
                    '"running_var", torch.ones(channels)',
                    '"running_var", torch.ones(channels), persistent=False',
                ),
            ),
        ),
        Mistake(
            "running statistics as Parameters",
            "The running statistics are now saved, but they are parameters too: an optimizer would "
            "be given them, and in eval mode they get gradients. They are state that is not "
            "learned: buffers.",
            KEEPS,
            (
                (
                    'self.register_buffer("running_mean", torch.zeros(channels))',
                    "self.running_mean = nn.Parameter(torch.zeros(channels))",
                ),
                (
                    'self.register_buffer("running_var", torch.ones(channels))',
                    "self.running_var = nn.Parameter(torch.ones(channels))",
                ),
                (
                    "self.running_mean = self.blend(self.running_mean,",
                    "self.running_mean.data = self.blend(self.running_mean.data,",
                ),
                (
                    "self.running_var = self.blend(self.running_var,",
                    "self.running_var.data = self.blend(self.running_var.data,",
                ),
            ),
            number=11,
        ),
        Mistake(
            "running statistics not detached",
            "The running statistics remember how they were computed, batch after batch, so the "
            "graph grows with every step. What is remembered needs no gradient: detach it.",
            GRAPH,
            (("mu.detach()", "mu"), ("var.detach() *", "var *")),
            number=13,
        ),
        Mistake(
            "μ and σ taken as constants",
            "You cut the graph in the output as well: there μ and σ² depend on x, and gradients "
            "must flow through them. Detach only what goes into the running statistics.",
            Section(BACKWARD, "Two identities"),
            (
                ("x.mean(dim=0)", "x.mean(dim=0).detach()"),
                ("x.var(dim=0, correction=0)", "x.var(dim=0, correction=0).detach()"),
            ),
            number=21,
        ),
        Mistake(
            "momentum weighs the old value",
            "Here momentum is the weight of the new batch: with 0.1 a running value moves a tenth "
            "of the way. Yours moves nine tenths, and little more than the last batch is left.",
            MOMENTUM,
            (
                (
                    "(1 - self.momentum) * old + self.momentum * new",
                    "self.momentum * old + (1 - self.momentum) * new",
                ),
            ),
            number=3,
        ),
        Mistake(
            "another default in place of another formula",
            "With the default momentum the numbers are right now, but whoever passes 0.3 gets 0.7. "
            "Leave the default at 0.1 and repair the formula.",
            MOMENTUM,
            (
                ("momentum: float = 0.1", "momentum: float = 0.9"),
                (
                    "(1 - self.momentum) * old + self.momentum * new",
                    "self.momentum * old + (1 - self.momentum) * new",
                ),
            ),
            number=3,
        ),
        Mistake(
            "the running variance is biased",
            "The running variance takes the correction n/(n − 1): it stands for all data, of which "
            "the batch is a sample. The program had that right.",
            VARIANCES,
            (("var.detach() * n / (n - 1)", "var.detach()"),),
            number=2,
        ),
        Mistake(
            "the variance is divided by n − 1",
            "The normaliser divides by n: only what is remembered takes the correction. The "
            "program had that right.",
            VARIANCES,
            (("correction=0)", "correction=1)"), (" * n / (n - 1)", "")),
            number=1,
        ),
        Mistake(
            "batch statistics in eval mode",
            "In eval mode your layer normalises with the batch, and remembers it. There it is to "
            "use what it remembers, and to leave it alone. The program had that right.",
            MODES,
            (("        if self.training:\n", "        if True:\n"),),
            number=16,
        ),
        Mistake(
            "running statistics in train mode",
            "In train mode your layer normalises with the running statistics. There it is to use "
            "those of the batch, μ and σ²; the running ones are for eval mode. The program had "
            "that right.",
            MODES,
            (
                (
                    "        x_hat = (x - mu)",
                    "        mu = self.running_mean\n"
                    "        var = self.running_var\n"
                    "        x_hat = (x - mu)",
                ),
            ),
        ),
    ),
    hints=(
        "Three symptoms, three causes: what is saved, what is remembered of the graph, and how far "
        "one batch moves the memory. Print each after one step.",
        "PyTorch knows learned tensors and tensors that are only state. Which are these? And for "
        "which use of μ does the gradient count?",
        "Register the two statistics in the constructor. Feed the blending with values cut off "
        "from the graph, and nothing else. Then compare one step from 0 with a tenth of the "
        "batch's mean.",
    ),
    read=FORGOT,
    laws=(Law("first step", first_step), Law("graph", in_the_graph)),
)


# 5. An average of networks.


def plain_average(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """What reaches the BN layer of the smallest example, averaged over the batches."""
    if "weights" not in values:
        return None
    w, b = values["weights"]
    z = inputs["x"] @ w.T + b
    wanted = {"mean": z.mean(axis=(0, 1)), "var": z.var(axis=1, ddof=1).mean(axis=0)}
    for name, right in wanted.items():
        seen = values[f"averaged[1].running_{name}"]
        if not np.allclose(seen, right, rtol=1e-5):
            return (
                f"`running_{name}` of the BN layer is {seen[0]:.4g} in channel 0. For what reaches "
                f"this layer in each batch, the plain average over the batches is {right[0]:.4g}. "
                "Does each batch count the same, and does nothing from before the pass remain?"
            )
    return None


def mode_and_momentum(inputs: Inputs, values: dict[str, Any]) -> str | None:
    """What the averaged network is left with."""
    if values["averaged.training"]:
        return "the network that you return is in train mode: it is to be ready to predict."
    if any(m != "0.2" for m in values["momenta"]):
        return f"its BN layers have the momentum {values['momenta'][0]}, and 0.2 before."
    return None


NETS = """\
nets = [torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2),
                            torch.nn.Linear(2, 1)).double() for _ in range(2)]
for net in nets:
    _ = [torch.nn.init.uniform_(p, -1, 2) for p in net.parameters()]
    _ = net(torch.tensor(old))"""

DEEP_NETS = """\
def block(c, k):
    return torch.nn.Sequential(torch.nn.Linear(c, k), torch.nn.BatchNorm1d(k, momentum=0.2))

nets = [torch.nn.Sequential(block(3, 2), torch.nn.ReLU(), block(2, 4)).double() for _ in range(3)]
for net in nets:
    _ = [torch.nn.init.uniform_(p, -1, 2) for p in net.parameters()]
    _ = net(torch.tensor(old))
    _ = net(torch.tensor(old) + 1)"""

LEFT = """
before = {name: value.clone() for name, value in nets[0].state_dict().items()}
averaged = average(nets, list(torch.tensor(x)))
after = nets[0].state_dict()
momenta = [str(averaged[i][1].momentum) for i in (0, 2)]
out = averaged(torch.tensor(old))"""


def data(rng: np.random.Generator, count: int, channels: int) -> Inputs:
    """Old data, and the batches to estimate from, of several means."""
    x = np.stack([batch(rng, 4, channels) + shift for shift in range(count)])
    return {"old": (2 * batch(rng, 5, channels) - 3).round(2), "x": x.round(2)}


AVERAGING = Question(
    name="averaging",
    title="The average that is worse than its parts",
    names=("average",),
    reference=source(average),
    given=AVERAGE_GIVEN,
    preamble="import copy\n\nimport numpy as np\nimport torch\nfrom torch import nn\n",
    probes=(
        Probe(
            "two networks, two batches",
            "statistics",
            NETS + "\naveraged = average(nets, list(torch.tensor(x)))\n"
            "weights = list(averaged[0].parameters())",
            ("weights", "averaged[1].running_mean", "averaged[1].running_var"),
            lambda rng: data(rng, 2, 2),
        ),
        Probe(
            "three networks with two BN layers",
            "statistics",
            DEEP_NETS + "\naveraged = average(nets, list(torch.tensor(x)))\n"
            "layers = averaged[0][1], averaged[2][1]\n"
            "statistics = [(layer.running_mean, layer.running_var) for layer in layers]",
            ("statistics",),
            lambda rng: data(rng, 3, 3),
        ),
        Probe(
            "the networks afterwards",
            "the networks afterwards",
            DEEP_NETS + LEFT,
            (
                "averaged.training",
                "momenta",
                "before",
                "after",
                "list(averaged.parameters())",
                "out",
            ),
            lambda rng: data(rng, 3, 3),
        ),
    ),
    points={"statistics": 2, "the networks afterwards": 1},
    mistakes=(
        Mistake(
            "the old statistics are not reset",
            "The running statistics start from those of the first network, and part of these "
            "stays. They belong to other weights: forget them before you average anew.",
            TOO_EARLY,
            (("            layer.reset_running_stats()\n", "            pass\n"),),
        ),
        Mistake(
            "the momentum of training",
            "With a momentum of 0.1 a few batches do not get far from the starting values, and the "
            "last one counts most. Average plainly: momentum `None`.",
            AVERAGE,
            (("            layer.momentum = None\n", ""),),
            number=15,
        ),
        Mistake(
            "only the last batch counts",
            "Each batch replaces the ones before it: momentum 1 does that, and so does a reset "
            "before each batch. A plain average of all batches is momentum `None`, with one reset "
            "before the pass.",
            AVERAGE,
            (("            layer.momentum = None\n", "            layer.momentum = 1.0\n"),),
        ),
        Mistake(
            "no new statistics are taken",
            "No batch has left a trace in the running statistics: they are as they were before the "
            "pass, or 0 and 1 after a reset. They move only when the averaged network computes in "
            "train mode, and a reset belongs before the pass.",
            MODES,
            (("            averaged(x)\n", "            pass\n"),),
        ),
        Mistake(
            "the running statistics are averaged like weights",
            "You took the mean of the networks' running statistics. Each of them describes what "
            "its own weights produce. The averaged weights produce something else: measure it.",
            TOO_EARLY,
            (
                (
                    "        for layer in layers:\n"
                    "            layer.reset_running_stats()\n"
                    "            layer.momentum = None\n"
                    "        averaged.train()\n"
                    "        for x in batches:\n"
                    "            averaged(x)\n",
                    "        for name, own in averaged.named_buffers():\n"
                    "            mean = torch.stack([1.0 * state[name] for state in states])\n"
                    "            own.copy_(mean.mean(0))\n",
                ),
            ),
        ),
        Mistake(
            "statistics taken before the weights are averaged",
            "The pass over the batches comes too early: it measures the first network, not the "
            "average. First the weights, then the statistics.",
            TOO_EARLY,
            (
                (
                    "        for layer in layers:\n"
                    "            layer.reset_running_stats()\n"
                    "            layer.momentum = None\n"
                    "        averaged.train()\n"
                    "        for x in batches:\n"
                    "            averaged(x)\n",
                    "",
                ),
                (
                    "        for name, own in",
                    "        for layer in layers:\n"
                    "            layer.reset_running_stats()\n"
                    "            layer.momentum = None\n"
                    "        averaged.train()\n"
                    "        for x in batches:\n"
                    "            averaged(x)\n"
                    "        for name, own in",
                ),
            ),
        ),
        Mistake(
            "left in train mode",
            "You return the network in train mode, so its first prediction uses the statistics of "
            "its batch and moves those that you have just taken.",
            MODES,
            (("averaged.eval()", "averaged.train()"),),
        ),
        Mistake(
            "momentum not put back",
            "The BN layers keep the momentum that you needed for the pass. Whoever trains on gets "
            "another running average than was set up: put back the old value.",
            AVERAGE,
            (("        layer.momentum = momentum\n", "        pass\n"),),
        ),
        Mistake(
            "the first network is overwritten",
            "You write the means into the first of the networks that you were given. Work on a "
            "deep copy.",
            KEEPS,
            (("copy.deepcopy(nets[0])", "nets[0]"),),
        ),
        Mistake(
            "γ and β are reset too",
            "`reset_parameters` also sets γ to 1 and β to 0, which are parameters and were means "
            "already. Only the statistics are to be forgotten: `reset_running_stats`.",
            KEEPS,
            (("layer.reset_running_stats()", "layer.reset_parameters()"),),
        ),
        Mistake(
            "only the outer layers are found",
            "You look for BN layers among the outermost modules. One within a block keeps its old "
            "statistics and its momentum: `modules` walks through all.",
            KEEPS,
            (("averaged.modules()", "averaged.children()"),),
        ),
        Mistake(
            "all batches in one",
            "The variance of all examples together also contains the differences between the "
            "batches. Asked for is the average of what the layers see in each batch: hand over "
            "one batch at a time.",
            AVERAGE,
            (("for x in batches:", "for x in [torch.cat(batches)]:"),),
        ),
        Mistake(
            "the first network does not count",
            "The weights are the means of the other networks alone. If you use torch's "
            "`AveragedModel`: its first update replaces the weights that it began with, so update "
            "it with every network.",
            AVERAGE,
            (("for state in states]", "for state in states[1:]]"),),
        ),
    ),
    hints=(
        "The weights of the average are right. What else does a BN network need to predict, and "
        "whose is it here?",
        "Ask of each running statistic where its value comes from: how much of it is left from "
        "before the pass, and how much weight has each batch?",
        "Before the pass, forget the old statistics in every BN layer and set it to average "
        "plainly, with the setting of momentum that chapter 5 gives for it. Afterwards put the old "
        "momentum back.",
    ),
    read=TOO_EARLY,
    laws=(
        changed("before", "after", "the networks that you are given are to stay as they were"),
        Law("plain average", plain_average),
        Law("mode and momentum", mode_and_momentum),
    ),
)


# 6. One example too many.

FITTED = """\
net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3),
                          torch.nn.ReLU(), torch.nn.Linear(3, 1)).double()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
fit(net, optimizer, torch.tensor(x), torch.tensor(y), list(torch.tensor(orders)), {size})"""

KEPT = ("list(net.parameters())", "net[1].running_mean", "net[1].running_var")


def epochs(rng: np.random.Generator, n: int, count: int) -> Inputs:
    """`n` training examples, and `count` orders of them."""
    return {
        "x": batch(rng, n, 2),
        "y": rng.standard_normal((n, 1)).round(2),
        "orders": np.stack([rng.permutation(n) for _ in range(count)]),
    }


def with_test(rng: np.random.Generator, n: int) -> Inputs:
    """`n` training examples with one order, and five test examples, the last ones far off."""
    return {
        **epochs(rng, n, 1),
        "x_test": batch(rng, 5, 2),
        "y_test": (rng.standard_normal((5, 1)) + 2 * np.arange(5)[:, None]).round(2),
    }


LEFTOVERS = Question(
    name="leftovers",
    title="One example too many",
    names=("fit", "test_error"),
    reference=source(cut, fit, test_error),
    given=FIT_GIVEN,
    seconds=FIRST,
    probes=(
        Probe(
            "seven examples in batches of three",
            "one left over",
            FITTED.format(size=3),
            KEPT,
            lambda rng: epochs(rng, 7, 1),
        ),
        Probe(
            "eight examples in batches of three",
            "several left over",
            FITTED.format(size=3),
            KEPT,
            lambda rng: epochs(rng, 8, 2),
        ),
        Probe(
            "six examples in batches of three",
            "several left over",
            FITTED.format(size=3),
            KEPT,
            lambda rng: epochs(rng, 6, 2),
        ),
        Probe(
            "the test after training",
            "test",
            FITTED.format(size=4)
            + "\nerror = test_error(net, torch.tensor(x_test), torch.tensor(y_test), 4)"
            + "\nin_parts_of_two = test_error(net, torch.tensor(x_test), torch.tensor(y_test), 2)",
            ("error", "in_parts_of_two"),
            lambda rng: with_test(rng, 9),
        ),
    ),
    points={"one left over": 1, "several left over": 1, "test": 1},
    mistakes=(
        Mistake(
            "only a batch of one is skipped",
            "A rest of two or three raises nothing, but its statistics come from two or three "
            "examples and enter the running ones with the weight of a full batch. Skip every "
            "batch that is not full.",
            LAST,
            (("len(part) < size", "len(part) == 1"),),
            number=35,
        ),
        Mistake(
            "the rest of the test set is left out",
            "Batches that are not full are now missing in the test too. There eval mode makes any "
            "size safe, and every example counts. Skip them in training alone.",
            ONE,
            (("list(order.split(size))", "[p for p in order.split(size) if len(p) == size]"),),
        ),
        Mistake(
            "the last batch is always skipped",
            "Where the examples divide evenly, the last batch is full, and you lose it. Skip a "
            "batch for its size and not for its place.",
            ONE,
            (("in cut(order, size):", "in cut(order, size)[:-1]:"),),
        ),
        Mistake(
            "a batch of one is trained in eval mode",
            "That silences the error: the step is then taken with the running statistics, as in "
            "another network. Skip the batch.",
            ONE,
            (
                (
                    "            if len(part) < size:\n                continue\n",
                    "            net.train(len(part) > 1)\n",
                ),
            ),
        ),
        Mistake(
            "the rest is trained in eval mode",
            "That silences the error: the step is then taken with the running statistics, as in "
            "another network. Skip what is not a full batch.",
            ONE,
            (
                (
                    "            if len(part) < size:\n                continue\n",
                    "            net.train(len(part) == size)\n",
                ),
            ),
        ),
        Mistake(
            "training in eval mode",
            "In eval mode any batch size runs, but now all steps are taken with the running "
            "statistics, which no batch ever reaches. Train in train mode, and skip the rest.",
            MODES,
            (
                ("        net.train()\n", "        net.eval()\n"),
                ("            if len(part) < size:\n                continue\n", ""),
            ),
        ),
        Mistake(
            "the whole epoch in one batch",
            "One batch of all examples leaves no rest, but also takes one step where there should "
            "be many. Every batch is to have `size` examples: skip the rest.",
            ONE,
            (
                ("in cut(order, size):", "in [order]:"),
                ("            if len(part) < size:\n                continue\n", ""),
            ),
        ),
        Mistake(
            "the rest joins the batch before it",
            "No example is lost and no batch is small, which can be a good choice. But here every "
            "batch is to have `size` examples: skip the rest.",
            ONE,
            (
                (
                    "in cut(order, size):",
                    "in [*order.split(size)[: len(order) // size - 1], "
                    "order[(len(order) // size - 1) * size :]]:",
                ),
                ("            if len(part) < size:\n                continue\n", ""),
            ),
        ),
        Mistake(
            "the lonely example is doubled",
            "Two equal examples have variance 0, so x̂ is 0 whatever they are, and the running "
            "variance moves towards 0. Skip the batch.",
            Section(EDGE, "A channel that never changes"),
            (
                (
                    "            if len(part) < size:\n                continue\n",
                    "            if len(part) == 1:\n                part = part.repeat(2)\n",
                ),
            ),
        ),
        Mistake(
            "the last batch is filled up",
            "You fill the last batch with examples that this epoch has seen already, so they count "
            "twice. Here the rest of an epoch is skipped.",
            ONE,
            (
                (
                    "            if len(part) < size:\n                continue\n",
                    "            if len(part) < size:\n"
                    "                part = torch.cat([part, order])[:size]\n",
                ),
            ),
        ),
        Mistake(
            "batches of other sizes",
            "You cut the epoch into batches of nearly equal sizes, and some are larger than "
            "`size`. Every batch is to have `size` examples: skip the rest.",
            ONE,
            (
                ("in cut(order, size):", "in order.tensor_split(len(order) // size):"),
                ("            if len(part) < size:\n                continue\n", ""),
            ),
        ),
        Mistake(
            "the start of the epoch is skipped",
            "You leave out the first examples of an epoch, and take the last. Skipped is what is "
            "left over at its end.",
            ONE,
            (("in cut(order, size):", "in cut(order[len(order) % size :], size):"),),
        ),
        Mistake(
            "the rest ends the training",
            "Your program leaves `fit` at the first batch that is not full, and the epochs after "
            "it never come. Skip the batch and go on.",
            ONE,
            (("                continue\n", "                return\n"),),
        ),
        Mistake(
            "no step where nothing is left over",
            "Without a rest your slice ends at −0, which is 0, so it is empty: a step on nothing, "
            "and NaN. Count from the start up to the last full batch.",
            ONE,
            (
                (
                    "in cut(order, size):\n"
                    "            if len(part) < size:\n                continue\n",
                    "in cut(order[: -(len(order) % size)], size):\n",
                ),
            ),
        ),
        Mistake(
            "the rest is carried over",
            "You begin the next epoch with what was left over in this one. That can be a good "
            "choice, but here the rest of an epoch is skipped.",
            ONE,
            (("for order in orders:", "for order in [torch.cat(tuple(orders))]:"),),
        ),
        Mistake(
            "the same examples are always left out",
            "You shorten the data, so some examples are never trained on. Shorten each order: "
            "what is left over is then different in each epoch.",
            ONE,
            (
                (
                    "    for order in orders:\n",
                    "    for order in orders:\n"
                    "        order = order[order < len(x) // size * size]\n",
                ),
            ),
        ),
        Mistake(
            "each batch of the test counts as full",
            "You divide by the number of batches times `size`, and the last batch may hold fewer "
            "examples. Divide by the number of examples.",
            ONE,
            (("seen += len(part)", "seen += size"),),
        ),
        Mistake(
            "the rest of the test set counts as right",
            "Your test leaves out the batches that are not full, and still divides by the number "
            "of all examples: those left out have an error of 0. Every example counts.",
            ONE,
            (
                ("list(order.split(size))", "[p for p in order.split(size) if len(p) == size]"),
                ("return total / seen", "return total / len(x)"),
            ),
        ),
        Mistake(
            "the mean of the batch means",
            "You average the errors of the batches, so an example in a small last batch counts "
            "more than the others. Add up over all examples, then divide by their number.",
            ONE,
            (
                (".sum().item()", ".mean().item()"),
                ("seen += len(part)", "seen += 1"),
            ),
        ),
    ),
    hints=(
        "How many examples are in each batch of an epoch, down to the last one?",
        "Training and testing cut their examples with the same function. Do both have the same "
        "trouble with a small batch?",
        "Leave the cutting alone. In the training loop, pass over every batch whose length is not "
        "the wanted one.",
    ),
    read=ONE,
)

EXERCISE = Exercise(
    "ex10_clinic",
    "The clinic",
    (TRAINING, PREDICTION, FINE_TUNING, LAYER, AVERAGING, LEFTOVERS),
)
