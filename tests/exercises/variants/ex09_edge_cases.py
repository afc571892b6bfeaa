"""Answers to exercise 9 in other styles."""

import copy
import itertools

import numpy as np
import torch
from torch import nn

from tests.exercises.variants import right, wrong


@right("ex09.batches")
def batches_by_a_loop():
    def make_batches(n, batch_size):
        if n < 2 or batch_size < 2:
            raise ValueError("too few")
        parts = [[]]
        for i in range(n):
            if len(parts[-1]) == batch_size and i < n - 1:
                parts.append([])
            parts[-1].append(i)
        return parts

    return make_batches


@right("ex09.batches")
def batches_by_array_split():
    def make_batches(n, batch_size):
        if min(n, batch_size) <= 1:
            raise ValueError(f"need 2, got {n} and {batch_size}")
        return np.split(np.arange(n), range(batch_size, n - 1, batch_size))

    return make_batches


@right("ex09.batches")
def batches_by_counting():
    def make_batches(n, batch_size):
        for value in (n, batch_size):
            if value < 2:
                raise ValueError(f"need at least 2, got {value}")
        full, rest = divmod(n, batch_size)
        sizes = [batch_size] * full
        if rest == 1:
            sizes[-1] += 1
        elif rest:
            sizes.append(rest)
        ends = list(itertools.accumulate(sizes))
        return tuple(range(end - size, end) for size, end in zip(sizes, ends, strict=True))

    return make_batches


@wrong("ex09.batches", "a last batch of one")
def batches_by_slices():
    def make_batches(n, batch_size):
        if n < 2 or batch_size < 2:
            raise ValueError("too few")
        indices = np.arange(n)
        return [indices[i : i + batch_size] for i in range(0, n, batch_size)]

    return make_batches


@wrong("ex09.batches", "every incomplete batch is dropped")
def batches_as_with_drop_last():
    def make_batches(n, batch_size):
        if n < 2 or batch_size < 2:
            raise ValueError("too few")
        full = n // batch_size
        return np.arange(full * batch_size).reshape(full, batch_size)

    return make_batches


@wrong("ex09.batches", "the example left over is dropped", "one example in all is let through")
def batches_without_what_is_left_over():
    def make_batches(n, batch_size):
        if batch_size < 2:
            raise ValueError("too few")
        out = []
        for start in range(0, n, batch_size):
            part = list(range(start, min(start + batch_size, n)))
            if len(part) != 1:
                out.append(part)
        return out

    return make_batches


@right("ex09.ghosts")
def ghosts_by_concatenation():
    def one(x, gamma, beta, eps):
        rows = np.moveaxis(x, 1, -1)
        flat = rows.reshape(-1, x.shape[1])
        mu = flat.mean(0)
        var = ((flat - mu) ** 2).mean(0)
        return np.moveaxis((rows - mu) / np.sqrt(var + eps) * gamma + beta, -1, 1)

    def ghost_batch_norm(x, gamma, beta, eps, ghost):
        parts = np.split(x, len(x) // ghost)
        return np.concatenate([one(part, gamma, beta, eps) for part in parts])

    return ghost_batch_norm


@right("ex09.ghosts")
def ghosts_by_loops_over_channels():
    def ghost_batch_norm(x, gamma, beta, eps, ghost):
        y = x.copy()
        for start in range(0, x.shape[0], ghost):
            for c in range(x.shape[1]):
                values = y[start : start + ghost, c]  # a view
                values -= np.sum(values) / values.size
                values *= gamma[c] / (np.sum(values * values) / values.size + eps) ** 0.5
                values += beta[c]
        return y

    return ghost_batch_norm


@right("ex09.ghosts")
def ghosts_by_einsum():
    def ghost_batch_norm(x, gamma, beta, eps, ghost):
        sets = x.reshape(x.shape[0] // ghost, ghost, x.shape[1], -1)
        n = ghost * sets.shape[3]
        centred = sets - np.einsum("ghcl->gc", sets)[:, None, :, None] / n
        var = np.einsum("ghcl,ghcl->gc", centred, centred) / n
        scale = gamma / np.sqrt(var + eps)
        return (centred * scale[:, None, :, None] + beta[:, None]).reshape(x.shape)

    return ghost_batch_norm


@wrong("ex09.ghosts", "interleaved groups")
def ghosts_of_every_kth_example():
    def ghost_batch_norm(x, gamma, beta, eps, ghost):
        y = np.zeros(x.shape)
        k = len(x) // ghost
        along = [1, -1] + [1] * (x.ndim - 2)
        for i in range(k):
            part = x[i::k]
            axes = tuple(a for a in range(x.ndim) if a != 1)
            part = part - part.mean(axes).reshape(along)
            part = part / np.sqrt((part**2).mean(axes) + eps).reshape(along)
            y[i::k] = gamma.reshape(along) * part + beta.reshape(along)
        return y

    return ghost_batch_norm


@wrong("ex09.ghosts", "γ and β on the wrong axis")
def ghosts_with_plain_broadcasting():
    def ghost_batch_norm(x, gamma, beta, eps, ghost):
        axes = (0,) if x.ndim == 2 else (0, 2, 3)
        parts = []
        for part in x.reshape(-1, ghost, *x.shape[1:]):
            mu, var = part.mean(axes, keepdims=True), part.var(axes, keepdims=True)
            parts.append((part - mu) / np.sqrt(var + eps) * gamma + beta)
        return np.concatenate(parts)

    return ghost_batch_norm


@wrong("ex09.ghosts", "the variance is divided by n − 1")
def ghosts_by_the_unbiased_variance():
    def ghost_batch_norm(x, gamma, beta, eps, ghost):
        sets = x.reshape(-1, ghost, x.shape[1], x[0, 0].size).swapaxes(1, 2)
        rows = sets.reshape(*sets.shape[:2], -1)  # (groups, C, values)
        n = rows.shape[2]
        rows = rows - rows.sum(-1, keepdims=True) / n
        rows = rows / np.sqrt((rows**2).sum(-1, keepdims=True) / max(n - 1, 1) + eps)
        y = gamma[:, None, None] * rows.reshape(sets.shape) + beta[:, None, None]
        return y.swapaxes(1, 2).reshape(x.shape)

    return ghost_batch_norm


@right("ex09.combined")
def combined_by_one_product():
    def combine(n1, mean1, var1, n2, mean2, var2):
        n = n1 + n2
        difference = mean2 - mean1
        mean = mean1 + difference * n2 / n
        var = (n1 * var1 + n2 * var2) / n + n1 * n2 / n**2 * difference**2
        return mean, var

    return combine


@right("ex09.combined")
def combined_by_loops_over_channels():
    def combine(n1, mean1, var1, n2, mean2, var2):
        mean, var = np.zeros(len(mean1)), np.zeros(len(mean1))
        for c in range(len(mean1)):
            mean[c] = (n1 * mean1[c] + n2 * mean2[c]) / (n1 + n2)
            squares1 = n1 * (var1[c] + (mean1[c] - mean[c]) ** 2)
            squares2 = n2 * (var2[c] + (mean2[c] - mean[c]) ** 2)
            var[c] = (squares1 + squares2) / (n1 + n2)
        return mean, var

    return combine


@right("ex09.combined")
def combined_by_stacking():
    def combine(n1, mean1, var1, n2, mean2, var2):
        means, variances = np.stack([mean1, mean2]), np.stack([var1, var2])
        mean = np.average(means, axis=0, weights=[n1, n2])
        distances = (means - mean) ** 2
        return [mean, np.average(variances + distances, axis=0, weights=[n1, n2])]

    return combine


@wrong("ex09.combined", "the distance of the means left out")
def combined_by_np_average():
    def combine(n1, mean1, var1, n2, mean2, var2):
        both = np.array([[mean1, var1], [mean2, var2]])
        return tuple(np.average(both, axis=0, weights=[n1, n2]))

    return combine


@wrong("ex09.combined", "plain averages of the means and of the variances")
def combined_by_plain_averages():
    def combine(n1, mean1, var1, n2, mean2, var2):
        return (mean1 + mean2) / 2, (var1 + var2) / 2

    return combine


@wrong("ex09.combined", "the variance in one pass, E[x²] − E[x]²")
def combined_by_second_moments():
    def combine(n1, mean1, var1, n2, mean2, var2):
        total = n1 * mean1 + n2 * mean2
        squares = n1 * (var1 + mean1 * mean1) + n2 * (var2 + mean2 * mean2)
        mean = total / (n1 + n2)
        return mean, squares / (n1 + n2) - mean * mean

    return combine


@right("ex09.reestimate")
def reestimate_by_momenta_that_fall():
    def reestimate(model, batches):
        before = [(m, m.training) for m in model.modules()]
        norms = [(m, m.momentum) for m, _ in before if hasattr(m, "running_mean")]
        model.train()
        for number, batch in enumerate(batches, start=1):
            for norm, _ in norms:
                norm.momentum = 1 / number  # the first one forgets what was there
            with torch.inference_mode():
                model(batch)
        for norm, momentum in norms:
            norm.momentum = momentum
        for module, mode in before:
            module.training = mode

    return reestimate


@right("ex09.reestimate")
def reestimate_on_a_copy():
    def reestimate(model, batches):
        other = copy.deepcopy(model).train()
        kinds = (nn.BatchNorm1d, nn.BatchNorm2d)
        sums = {}
        for norm in other.modules():
            if isinstance(norm, kinds):
                norm.momentum = 1.0
        for batch in batches:
            other(batch)
            for name, buffer in other.named_buffers():
                if "running" in name:
                    sums[name] = sums.get(name, 0) + buffer / len(batches)
        for name, buffer in model.named_buffers():
            if name in sums:
                buffer.copy_(sums[name])

    return reestimate


@right("ex09.reestimate")
def reestimate_by_hooks():
    def reestimate(model, batches):
        seen = {}

        def look(layer, args):
            (x,) = args
            axes = [axis for axis in range(x.ndim) if axis != 1]
            var, mu = torch.var_mean(x, axes)
            seen.setdefault(layer, []).append((mu, var))

        other = copy.deepcopy(model)
        pairs = list(zip(model.modules(), other.modules(), strict=True))
        norms = [(m, o) for m, o in pairs if isinstance(m, nn.modules.batchnorm._BatchNorm)]
        for _, twin in norms:
            twin.register_forward_pre_hook(look)
        other.train()
        with torch.no_grad():
            for batch in batches:
                other(batch)
        for layer, twin in norms:
            means, variances = zip(*seen[twin], strict=True)
            layer.running_mean.copy_(torch.stack(means).mean(0))
            layer.running_var.copy_(torch.stack(variances).mean(0))

    return reestimate


@wrong("ex09.reestimate", "momentum not restored", "left in train mode")
def reestimate_and_leave():
    def reestimate(model, batches):
        def prepare(module):
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.reset_running_stats()
                module.momentum = None

        model.apply(prepare).train()
        for batch in batches:
            model(batch)

    return reestimate


@wrong("ex09.reestimate", "one mode for the whole model")
def reestimate_and_train_or_eval():
    def reestimate(model, batches):
        was_training = model.training
        norms = [m for m in model.modules() if "BatchNorm" in type(m).__name__]
        momenta = [m.momentum for m in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
        model.train()
        with torch.no_grad():
            for batch in batches:
                model(batch)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        if not was_training:
            model.eval()

    return reestimate


@wrong("ex09.reestimate", "all modules left in eval mode", "the momentum of training")
def reestimate_with_the_momentum_of_training():
    def reestimate(model, batches):
        model.train()
        for module in model.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.running_mean.zero_()
                module.running_var.fill_(1)
        with torch.no_grad():
            for batch in batches:
                model(batch)
        model.eval()

    return reestimate


@wrong("ex09.reestimate", "the parameters left frozen")
def reestimate_without_gradients_for_good():
    def reestimate(model, batches):
        for parameter in model.parameters():
            parameter.requires_grad = False
        modes = {module: module.training for module in model.modules()}
        norms = {m: m.momentum for m in modes if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))}
        for norm in norms:
            norm.momentum = None
            norm.reset_running_stats()
        model.train()
        for batch in batches:
            model(batch)
        for module, training in modes.items():
            module.training = training
        for norm, momentum in norms.items():
            norm.momentum = momentum

    return reestimate


@wrong("ex09.ghosts", "statistics across the groups")
def ghosts_along_the_wrong_axis():
    def ghost_batch_norm(x, gamma, beta, eps, ghost):
        grouped = x.reshape(-1, ghost, *x.shape[1:])
        axes = (0, *range(3, grouped.ndim))
        centred = grouped - grouped.mean(axes, keepdims=True)
        x_hat = centred / np.sqrt(grouped.var(axes, keepdims=True) + eps)
        along = (1, -1, *[1] * (x.ndim - 2))
        return gamma.reshape(along) * x_hat.reshape(x.shape) + beta.reshape(along)

    return ghost_batch_norm
