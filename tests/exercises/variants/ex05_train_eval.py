"""Answers to exercise 5 in other styles."""

import math

import numpy as np

from tests.exercises.variants import right, wrong

# One step of a running statistic.


@right("ex05.update")
def update_as_a_step():
    def update_running(running, batch, momentum):
        return running + momentum * (batch - running)

    return update_running


@right("ex05.update")
def update_by_a_loop():
    def update_running(running, batch, momentum):
        moved = [
            old * (1 - momentum) + new * momentum for old, new in zip(running, batch, strict=True)
        ]
        return np.array(moved)

    return update_running


@right("ex05.update")
def update_in_place_on_a_copy():
    def update_running(running, batch, momentum):
        moved = running.copy()
        moved -= momentum * running
        moved += momentum * batch
        return moved

    return update_running


@right("ex05.update")
def update_by_average():
    def update_running(running, batch, momentum):
        return np.average([running, batch], axis=0, weights=[1 - momentum, momentum])

    return update_running


@wrong("ex05.update", "momentum weighs the old value")
def update_as_a_step_back_from_the_batch():
    def update_running(running, batch, momentum):
        return batch - momentum * (batch - running)

    return update_running


@wrong("ex05.update", "the running array is changed in place")
def update_with_augmented_assignments():
    def update_running(running, batch, momentum):
        running *= 1 - momentum
        running += momentum * batch
        return running

    return update_running


@wrong("ex05.update", "a step away from the batch")
def update_with_the_difference_turned():
    def update_running(running, batch, momentum):
        return running - momentum * (batch - running)

    return update_running


@wrong("ex05.update", "momentum fixed at 0.1")
def update_with_nine_tenths():
    def update_running(running, batch, momentum):
        return 0.9 * running + 0.1 * batch

    return update_running


# Numbers.


@right("ex05.arrived")
def arrived_with_two_digits():
    return 0.65


@right("ex05.arrived")
def arrived_by_a_loop():
    running = 0.0
    for _ in range(10):
        running += 0.1 * (1 - running)
    return np.float64(running)


@wrong("ex05.arrived", "what is left of the starting value")
def arrived_as_the_rest():
    return 0.35


@wrong("ex05.arrived", "counted as equal steps")
def arrived_all_of_it():
    return 10 * 0.1


@wrong("ex05.arrived", "in percent")
def arrived_as_65():
    return 65


@right("ex05.needed")
def needed_by_a_loop():
    left, k = 1.0, 0
    while left > 0.01:
        left *= 0.9
        k += 1
    return k


@wrong("ex05.needed", "not rounded up")
def needed_with_one_digit():
    return 43.7


@wrong("ex05.needed", "90 % and not 99 %")
def needed_for_a_tenth():
    return math.ceil(math.log(0.1, 0.9))


@wrong("ex05.needed", "counted as equal steps")
def needed_ten():
    return 10


# Running statistics.


@right("ex05.running")
def running_by_the_unrolled_sum():
    def running_statistics(batches, momentum):
        k = len(batches)
        weights = [momentum * (1 - momentum) ** (k - 1 - i) for i in range(k)]
        left = (1 - momentum) ** k
        means = np.stack([x.mean(0) for x in batches])
        variances = np.stack([np.var(x, 0, ddof=1) for x in batches])
        return weights @ means, left + weights @ variances

    return running_statistics


@right("ex05.running")
def running_by_hand_in_place():
    def running_statistics(batches, momentum):
        running = np.stack([np.zeros(batches[0].shape[1]), np.ones(batches[0].shape[1])])
        for x in batches:
            n = len(x)
            mu = x.sum(axis=0) / n
            centred = x - mu
            running *= 1 - momentum
            running[0] += momentum * mu
            running[1] += momentum * (centred**2).sum(axis=0) / (n - 1)
        return running[0], running[1]

    return running_statistics


@right("ex05.running")
def running_channel_by_channel():
    def running_statistics(batches, momentum):
        means, variances = [], []
        for c in range(batches[0].shape[1]):
            mean, var = 0.0, 1.0
            for x in batches:
                values = [float(v) for v in x[:, c]]
                mu = math.fsum(values) / len(values)
                spread = math.fsum((v - mu) ** 2 for v in values) / (len(values) - 1)
                mean, var = mean + momentum * (mu - mean), var + momentum * (spread - var)
            means.append(mean)
            variances.append(var)
        return np.array(means), np.array(variances)

    return running_statistics


@right("ex05.running")
def running_by_recursion():
    def running_statistics(batches, momentum):
        if not batches:
            return 0.0, 1.0
        mean, var = running_statistics(batches[:-1], momentum)
        x = batches[-1]
        n = x.shape[0]
        mu = np.einsum("nc->c", x) / n
        unbiased = np.einsum("nc,nc->c", x - mu, x - mu) / (n - 1)
        keep = 1 - momentum
        return keep * mean + momentum * mu, keep * var + momentum * unbiased

    return running_statistics


@wrong("ex05.running", "the statistics of each example")
def running_along_the_channels():
    def running_statistics(batches, momentum):
        mean, var = np.zeros(batches[0].shape[1]), np.ones(batches[0].shape[1])
        for x in batches:
            mean = mean + momentum * (x.mean(1) - mean)
            var = var + momentum * (x.var(1, ddof=1) - var)
        return mean, var

    return running_statistics


@wrong("ex05.running", "the running variance is biased")
def running_with_plain_var():
    def running_statistics(batches, momentum):
        running_mean = np.zeros(batches[0].shape[1])
        running_var = np.ones(batches[0].shape[1])
        for x in batches:
            running_mean += momentum * (x.mean(0) - running_mean)
            running_var += momentum * (x.var(0) - running_var)
        return running_mean, running_var

    return running_statistics


@wrong("ex05.running", "the first batch taken as the starting value")
def running_from_the_first_batch():
    def running_statistics(batches, momentum):
        first, *others = batches
        mean, var = first.mean(0), first.var(0, ddof=1)
        for x in others:
            mean = (1 - momentum) * mean + momentum * x.mean(0)
            var = (1 - momentum) * var + momentum * x.var(0, ddof=1)
        return mean, var

    return running_statistics


@wrong("ex05.running", "it ends after the first batch")
def running_with_return_in_the_loop():
    def running_statistics(batches, momentum):
        for x in batches:
            return momentum * x.mean(0), 1 - momentum + momentum * x.var(0, ddof=1)

    return running_statistics


@wrong("ex05.running", "momentum weighs the old value", "the running variance is biased")
def running_as_flax_has_it():
    def running_statistics(batches, momentum):
        mean, var = 0, 1
        for x in batches:
            mean = momentum * mean + (1 - momentum) * x.mean(0)
            var = momentum * var + (1 - momentum) * x.var(0)
        return mean, var

    return running_statistics


# The layer in train mode.


def along(v, x):
    """(C,) as a shape that lines up with axis 1 of x."""
    return np.expand_dims(v, tuple(range(1, x.ndim - 1)))


@right("ex05.layer")
def layer_by_rows():
    class TrainBatchNorm:
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            self.settings = {"eps": eps, "momentum": momentum}
            self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
            self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)

        def forward(self, x):
            moved = np.moveaxis(x, 1, -1)
            rows = moved.reshape(-1, x.shape[1])
            m = self.settings["momentum"]
            self.running_mean = self.running_mean + m * (rows.mean(0) - self.running_mean)
            self.running_var = self.running_var + m * (rows.var(0, ddof=1) - self.running_var)
            x_hat = (rows - rows.mean(0)) / np.sqrt(rows.var(0) + self.settings["eps"])
            y = self.gamma * x_hat + self.beta
            return np.moveaxis(y.reshape(moved.shape), -1, 1)

    return TrainBatchNorm


@right("ex05.layer")
def layer_in_place_with_loops():
    class TrainBatchNorm:
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            self.eps = eps
            self.m = momentum
            self.gamma = np.full(num_features, 1.0)
            self.beta = np.full(num_features, 0.0)
            self.running_mean = np.full(num_features, 0.0)
            self.running_var = np.full(num_features, 1.0)

        def forward(self, x):
            y = np.empty_like(x)
            for c in range(x.shape[1]):
                values = x[:, c]
                mu = values.mean()
                squares = ((values - mu) ** 2).sum()
                self.running_mean[c] += self.m * (mu - self.running_mean[c])
                self.running_var[c] *= 1 - self.m
                self.running_var[c] += self.m * squares / (values.size - 1)
                scale = self.gamma[c] / math.sqrt(squares / values.size + self.eps)
                y[:, c] = scale * (values - mu) + self.beta[c]
            return y

    return TrainBatchNorm


@right("ex05.layer")
def layer_with_kept_axes_and_einsum():
    class TrainBatchNorm:
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            for name, value in (("gamma", 1), ("beta", 0), ("running_mean", 0), ("running_var", 1)):
                setattr(self, name, np.full(num_features, float(value)))
            self.eps, self.momentum = eps, momentum

        def remember(self, name, new):
            kept = (1 - self.momentum) * getattr(self, name)
            setattr(self, name, kept + self.momentum * new.ravel())

        def forward(self, x):
            axes = tuple(a for a in range(x.ndim) if a != 1)
            self.remember("running_mean", x.mean(axis=axes, keepdims=True))
            self.remember("running_var", x.var(axis=axes, keepdims=True, ddof=1))
            centred = x - x.mean(axis=axes, keepdims=True)
            root = (x.var(axis=axes) + self.eps) ** 0.5
            return np.einsum("nc...,c->nc...", centred, self.gamma / root) + along(self.beta, x)

    return TrainBatchNorm


@wrong("ex05.layer", "n counts the examples alone")
def layer_with_len_of_the_batch():
    class TrainBatchNorm:
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            self.eps, self.momentum = eps, momentum
            self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
            self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)

        def forward(self, x):
            axes = (0, 2, 3) if x.ndim == 4 else (0,)
            mu, var = x.mean(axes), x.var(axes)
            bessel = len(x) / (len(x) - 1)
            self.running_mean += self.momentum * (mu - self.running_mean)
            self.running_var += self.momentum * (var * bessel - self.running_var)
            x_hat = (x - along(mu, x)) / np.sqrt(along(var, x) + self.eps)
            return along(self.gamma, x) * x_hat + along(self.beta, x)

    return TrainBatchNorm


@wrong("ex05.layer", "the variance is divided by n − 1")
def layer_with_one_unbiased_variance_for_all():
    class TrainBatchNorm:
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            self.eps, self.momentum = eps, momentum
            self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
            self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)

        def forward(self, x):
            rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
            mu, var = rows.mean(1), rows.var(1, ddof=1)
            self.running_mean += self.momentum * (mu - self.running_mean)
            self.running_var += self.momentum * (var - self.running_var)
            x_hat = (x - along(mu, x)) / np.sqrt(along(var, x) + self.eps)
            return along(self.gamma, x) * x_hat + along(self.beta, x)

    return TrainBatchNorm


@wrong("ex05.layer", "statistics over the batch axis alone", "γ and β on the wrong axis")
def layer_written_for_vectors():
    class TrainBatchNorm:
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            self.eps, self.momentum = eps, momentum
            self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
            self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)

        def forward(self, x):
            mu, var = x.mean(0), x.var(0)
            new = var * len(x) / (len(x) - 1)
            self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mu
            self.running_var = (1 - self.momentum) * self.running_var + self.momentum * new
            return self.gamma * (x - mu) / np.sqrt(var + self.eps) + self.beta

    return TrainBatchNorm


# The layer in both modes.


@right("ex05.modes")
def modes_with_two_methods():
    class BatchNorm:
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            self.eps, self.momentum, self.training = eps, momentum, True
            self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
            self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)

        def train(self, mode=True):
            self.training = mode
            return self

        def eval(self):
            return self.train(False)

        def forward(self, x):
            return self.forward_train(x) if self.training else self.forward_eval(x)

        def forward_train(self, x):
            rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
            mu, var, n = rows.mean(1), rows.var(1), rows.shape[1]
            self.running_mean += self.momentum * (mu - self.running_mean)
            self.running_var += self.momentum * (var * (n / (n - 1)) - self.running_var)
            return self.normalise(x, mu, var)

        def forward_eval(self, x):
            return self.normalise(x, self.running_mean, self.running_var)

        def normalise(self, x, mu, var):
            scale = self.gamma / np.sqrt(var + self.eps)
            return along(scale, x) * x + along(self.beta - scale * mu, x)

    return BatchNorm


@right("ex05.modes")
def modes_by_inheritance():
    class TrainOnly:
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            self.eps, self.momentum = eps, momentum
            self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
            self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)

        def forward(self, x):
            axes = (0, *range(2, x.ndim))
            keep = 1 - self.momentum
            self.running_mean = keep * self.running_mean + self.momentum * x.mean(axes)
            self.running_var = keep * self.running_var + self.momentum * x.var(axes, ddof=1)
            root = np.sqrt(x.var(axes, keepdims=True) + self.eps)
            x_hat = (x - x.mean(axes, keepdims=True)) / root
            return along(self.gamma, x) * x_hat + along(self.beta, x)

    class BatchNorm(TrainOnly):
        training = True

        def train(self):
            self.training = True

        def eval(self):
            self.training = False

        def forward(self, x):
            if self.training:
                return super().forward(x)
            y = np.empty_like(x)
            for c, (mean, var) in enumerate(zip(self.running_mean, self.running_var, strict=True)):
                y[:, c] = self.gamma[c] * (x[:, c] - mean) / (var + self.eps) ** 0.5 + self.beta[c]
            return y

    return BatchNorm


@right("ex05.modes")
def modes_that_swap_the_source_of_statistics():
    class BatchNorm:
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)
            self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
            self.eps, self.momentum = eps, momentum
            self.train()

        def train(self):
            self.training, self.statistics = True, self.of_the_batch

        def eval(self):
            self.training, self.statistics = False, lambda x: (self.running_mean, self.running_var)

        def of_the_batch(self, x):
            rows = x.swapaxes(0, 1).reshape(x.shape[1], -1)
            n = rows.shape[1]
            mu = rows @ np.full(n, 1 / n)
            squares = np.einsum("cn,cn->c", rows - mu[:, None], rows - mu[:, None])
            for name, new in (("running_mean", mu), ("running_var", squares / (n - 1))):
                old = getattr(self, name)
                setattr(self, name, old - self.momentum * (old - new))
            return mu, squares / n

        def forward(self, x):
            mu, var = self.statistics(x)
            flipped = x.swapaxes(1, -1)  # channels last: broadcasting lines them up
            y = (flipped - mu) / np.sqrt(var + self.eps) * self.gamma + self.beta
            return y.swapaxes(1, -1)

    return BatchNorm


def layer_with(forward, starts_in_train=True):
    """A class with the given forward, for the wrong answers below."""

    class BatchNorm:
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            self.eps, self.momentum, self.training = eps, momentum, starts_in_train
            self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
            self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)

        def train(self):
            self.training = True

        def eval(self):
            self.training = False

        def move(self, x):
            axes = (0, *range(2, x.ndim))
            keep = 1 - self.momentum
            self.running_mean = keep * self.running_mean + self.momentum * x.mean(axes)
            self.running_var = keep * self.running_var + self.momentum * x.var(axes, ddof=1)

        def normalise(self, x, mu, var):
            x_hat = (x - along(mu, x)) / np.sqrt(along(var, x) + self.eps)
            return along(self.gamma, x) * x_hat + along(self.beta, x)

    BatchNorm.forward = forward
    return BatchNorm


@wrong("ex05.modes", "batch statistics in eval mode")
def modes_that_only_stop_the_update():
    def forward(self, x):
        axes = (0, *range(2, x.ndim))
        if self.training:
            self.move(x)
        return self.normalise(x, x.mean(axes), x.var(axes))

    return layer_with(forward)


@wrong("ex05.modes", "running statistics move in eval mode, before they are used")
def modes_that_always_learn():
    def forward(self, x):
        axes = (0, *range(2, x.ndim))
        self.move(x)
        if self.training:
            return self.normalise(x, x.mean(axes), x.var(axes))
        return self.normalise(x, self.running_mean, self.running_var)

    return layer_with(forward)


@wrong("ex05.modes", "running statistics move in eval mode")
def modes_that_learn_afterwards():
    def forward(self, x):
        axes = (0, *range(2, x.ndim))
        chosen = (
            (x.mean(axes), x.var(axes)) if self.training else (self.running_mean, self.running_var)
        )
        y = self.normalise(x, *chosen)
        self.move(x)
        return y

    return layer_with(forward)


@wrong("ex05.modes", "the mode is never looked at")
def modes_in_name_only():
    def forward(self, x):
        axes = (0, *range(2, x.ndim))
        self.move(x)
        return self.normalise(x, x.mean(axes), x.var(axes))

    return layer_with(forward)


@wrong("ex05.modes", "momentum fixed at 0.1")
def modes_that_pass_on_no_momentum():
    class BatchNorm(modes_by_inheritance()):
        def __init__(self, num_features, eps=1e-5, momentum=0.1):
            super().__init__(num_features, eps)

    return BatchNorm


@wrong("ex05.modes", "train() does not switch back")
def modes_with_a_train_that_only_returns():
    def forward(self, x):
        axes = (0, *range(2, x.ndim))
        if not self.training:
            return self.normalise(x, self.running_mean, self.running_var)
        self.move(x)
        return self.normalise(x, x.mean(axes), x.var(axes))

    layer = layer_with(forward)
    layer.train = lambda self: self
    return layer


# The plain average.


@right("ex05.average")
def average_of_stacked_statistics():
    def average_running(batches):
        means = np.stack([x.mean(axis=0) for x in batches])
        variances = np.stack([x.var(axis=0, ddof=1) for x in batches])
        return means.mean(axis=0), variances.mean(axis=0)

    return average_running


@right("ex05.average")
def average_by_sums():
    def average_running(batches):
        total = np.zeros((2, batches[0].shape[1]))
        for x in batches:
            mu = x.sum(0) / len(x)
            total += mu, np.einsum("nc,nc->c", x - mu, x - mu) / (len(x) - 1)
        mean, var = total / len(batches)
        return mean, var

    return average_running


@right("ex05.average")
def average_by_steps():
    def average_running(batches):
        running_mean = running_var = 0.0
        for seen, x in enumerate(batches):
            n = x.shape[0]
            running_mean = (seen * running_mean + np.mean(x, 0)) / (seen + 1)
            running_var = (seen * running_var + np.var(x, 0) * n / (n - 1)) / (seen + 1)
        return running_mean, running_var

    return average_running


@wrong("ex05.average", "all examples in one large batch")
def average_of_everything_at_once():
    def average_running(batches):
        rows = np.vstack(batches)
        return rows.mean(axis=0), rows.var(axis=0, ddof=1)

    return average_running


@wrong("ex05.average", "batches weighed by their size")
def average_with_sizes():
    def average_running(batches):
        sizes = [len(x) for x in batches]
        mean = np.average([x.mean(0) for x in batches], axis=0, weights=sizes)
        var = np.average([x.var(0, ddof=1) for x in batches], axis=0, weights=sizes)
        return mean, var

    return average_running


@wrong("ex05.average", "the running variance is biased")
def average_of_plain_variances():
    def average_running(batches):
        k = len(batches)
        return sum(x.mean(0) for x in batches) / k, sum(x.var(0) for x in batches) / k

    return average_running


@wrong("ex05.average", "the starting value stays in the sum")
def average_by_sums_from_the_starting_values():
    def average_running(batches):
        mean, var = np.zeros(batches[0].shape[1]), np.ones(batches[0].shape[1])
        for x in batches:
            mean = mean + x.mean(0)
            var = var + x.var(0, ddof=1)
        return mean / len(batches), var / len(batches)

    return average_running


@wrong("ex05.average", "old and new averaged in halves")
def average_in_pairs():
    def average_running(batches):
        mean, var = batches[0].mean(0), batches[0].var(0, ddof=1)
        for x in batches[1:]:
            mean = (mean + x.mean(0)) / 2
            var = (var + x.var(0, ddof=1)) / 2
        return mean, var

    return average_running


@right("ex05.under_no_grad")
def no_grad_said():
    return "b"


@wrong("ex05.under_no_grad", "no_grad means eval")
def no_grad_as_eval():
    return "a"


@wrong("ex05.under_no_grad", "no_grad stops the running statistics")
def no_grad_as_a_freeze():
    return "c"
