"""Answers to exercise 3 in other styles."""

import math

import numpy as np

from tests.exercises.variants import right, wrong


@right("ex03.n")
def count_from_an_array():
    batch = np.zeros((16, 8, 5, 6))
    return batch[:, 0].size


@wrong("ex03.n", "n is N alone")
def count_of_images():
    return len(np.zeros((16, 8, 5, 6)))


@right("ex03.statistics")
def statistics_by_loops():
    def batch_statistics(x):
        means, variances = [], []
        for c in range(x.shape[1]):
            values = [float(v) for v in x[:, c].ravel()]
            mean = sum(values) / len(values)
            means.append(mean)
            variances.append(sum((v - mean) ** 2 for v in values) / len(values))
        return np.array(means), np.array(variances)

    return batch_statistics


@right("ex03.statistics")
def statistics_by_moveaxis():
    def batch_statistics(x):
        rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
        return rows.mean(1), np.var(rows, axis=1)

    return batch_statistics


@right("ex03.statistics")
def statistics_by_einsum():
    def batch_statistics(x):
        flat = x.reshape(x.shape[0], x.shape[1], -1)
        n = flat.shape[0] * flat.shape[2]
        mu = np.einsum("ncl->c", flat) / n
        centred = flat - mu[None, :, None]
        return mu, np.einsum("ncl,ncl->c", centred, centred) / n

    return batch_statistics


@wrong("ex03.statistics", "the variance is divided by n − 1")
def statistics_with_the_unbiased_variance_by_hand():
    def batch_statistics(x):
        rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
        mu = rows.mean(1)
        return mu, ((rows - mu[:, None]) ** 2).sum(1) / (rows.shape[1] - 1)

    return batch_statistics


@wrong("ex03.statistics", "the variance in one pass, E[x²] − E[x]²")
def statistics_in_one_pass():
    def batch_statistics(x):
        rows = np.swapaxes(x, 0, 1).reshape(x.shape[1], -1)
        n = rows.shape[1]
        mu = rows.sum(1) / n
        return mu, np.einsum("cn,cn->c", rows, rows) / n - mu * mu

    return batch_statistics


@wrong("ex03.statistics", "statistics over the batch axis alone")
def statistics_of_each_position():
    def batch_statistics(x):
        return sum(x) / len(x), sum((x - sum(x) / len(x)) ** 2) / len(x)

    return batch_statistics


@wrong("ex03.statistics", "n is N alone")
def statistics_divided_by_the_examples():
    def batch_statistics(x):
        rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
        centred = rows - rows.mean(axis=1, keepdims=True)
        return rows.mean(axis=1), np.sum(centred**2, axis=1) / len(x)

    return batch_statistics


@wrong("ex03.statistics", "reshaped to (n, C) across the channels")
def statistics_of_a_plain_reshape():
    def batch_statistics(x):
        table = x.reshape(x.size // x.shape[1], x.shape[1])
        return np.mean(table, 0), np.std(table, 0) ** 2

    return batch_statistics


@right("ex03.forward")
def forward_channel_by_channel():
    def batch_norm(x, gamma, beta, eps):
        y = np.empty_like(x)
        for c in range(x.shape[1]):
            values = x[:, c]
            scale = gamma[c] / math.sqrt(values.var() + eps)
            y[:, c] = scale * (values - values.mean()) + beta[c]
        return y

    return batch_norm


@right("ex03.forward")
def forward_with_the_channels_last():
    def batch_norm(x, gamma, beta, eps):
        last = np.moveaxis(x, 1, -1)
        flat = last.reshape(-1, last.shape[-1])
        centred = flat - flat.mean(0)
        x_hat = centred * (np.einsum("nc,nc->c", centred, centred) / len(flat) + eps) ** -0.5
        return np.moveaxis((gamma * x_hat + beta).reshape(last.shape), -1, 1)

    return batch_norm


@right("ex03.forward")
def forward_in_place_on_a_copy():
    def batch_norm(x, gamma, beta, eps):
        others = tuple(a for a in range(x.ndim) if a != 1)
        gamma, beta = (np.expand_dims(v, others) for v in (gamma, beta))
        y = x.copy()
        y -= y.mean(axis=others, keepdims=True)
        y /= np.sqrt(np.mean(y**2, axis=others, keepdims=True) + eps)
        y *= gamma
        y += beta
        return y

    return batch_norm


@right("ex03.forward")
def forward_as_a_straight_line():
    def batch_norm(x, gamma, beta, eps):
        n, c, *rest = x.shape
        flat = x.reshape(n, c, math.prod(rest))
        mu = flat.mean((0, 2))
        slope = gamma / np.sqrt(flat.var((0, 2)) + eps)
        return (slope[:, None] * (flat - mu[:, None]) + beta[:, None]).reshape(x.shape)

    return batch_norm


@wrong("ex03.forward", "ε outside the root")
def forward_with_epsilon_added_to_the_deviation():
    def batch_norm(x, gamma, beta, eps):
        y = np.empty_like(x)
        for c in range(x.shape[1]):
            y[:, c] = (x[:, c] - x[:, c].mean()) / (x[:, c].std() + eps) * gamma[c] + beta[c]
        return y

    return batch_norm


@wrong("ex03.forward", "γ and β on the wrong axis")
def forward_with_gamma_along_the_last_axis():
    def batch_norm(x, gamma, beta, eps):
        axes = tuple(a for a in range(x.ndim) if a != 1)
        mu, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        return (x - mu) / (var + eps) ** 0.5 * gamma + beta

    return batch_norm


@wrong("ex03.forward", "γ and β on the wrong axis", "μ and σ² on the wrong axis")
def forward_by_broadcasting_alone():
    def batch_norm(x, gamma, beta, eps):
        axes = tuple(a for a in range(x.ndim) if a != 1)
        return gamma * (x - x.mean(axes)) / np.sqrt(x.var(axes) + eps) + beta

    return batch_norm


@wrong("ex03.forward", "statistics per image and channel")
def forward_of_each_image():
    def batch_norm(x, gamma, beta, eps):
        rows = x.reshape(*x.shape[:2], -1)
        if x.ndim == 2:
            rows = rows.transpose(2, 1, 0)
        centred = rows - rows.mean(2)[:, :, None]
        x_hat = centred / np.sqrt((centred**2).mean(2) + eps)[:, :, None]
        y = gamma[None, :, None] * x_hat + beta[None, :, None]
        return (y.transpose(2, 1, 0) if x.ndim == 2 else y).reshape(x.shape)

    return batch_norm


@right("ex03.spread")
def spread_by_a_ratio():
    return 1 / math.sqrt(11)


@wrong("ex03.spread", "ε outside the root")
def spread_with_epsilon_outside():
    return 0.001 / (0.001 + 0.00001)


@right("ex03.undo")
def undo_by_loops():
    def undo(x, eps):
        channels = [x[:, c] for c in range(x.shape[1])]
        gamma = np.array([math.sqrt(np.var(values) + eps) for values in channels])
        return gamma, np.array([np.mean(values) for values in channels])

    return undo


@right("ex03.undo")
def undo_by_einsum():
    def undo(x, eps):
        flat = x.reshape(*x.shape[:2], -1)
        n = flat[:, 0].size
        beta = np.einsum("ncl->c", flat) / n
        centred = flat - beta[:, None]
        return np.hypot(np.sqrt(np.einsum("ncl,ncl->c", centred, centred) / n), eps**0.5), beta

    return undo


@right("ex03.undo")
def undo_by_a_straight_line():
    def undo(x, eps):
        # the layer's slope per channel, from its output for the batch itself
        rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
        slope = 1 / (rows.var(axis=1) + eps) ** 0.5
        at_zero = -slope * rows.mean(axis=1)
        return 1 / slope, -at_zero / slope

    return undo


@wrong("ex03.undo", "β with the wrong sign")
def undo_as_the_formula_subtracts():
    def undo(x, eps):
        rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
        return (rows.var(1) + eps) ** 0.5, -rows.mean(1)

    return undo


@wrong("ex03.undo", "γ left at 1", "β left at 0")
def undo_with_the_values_at_the_start():
    def undo(x, eps):
        return np.ones(x.shape[1]), np.zeros(x.shape[1])

    return undo


@wrong("ex03.undo", "γ and β that normalise once more")
def undo_by_normalising():
    def undo(x, eps):
        rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
        slope = (rows.var(1) + eps) ** -0.5
        return slope, -slope * rows.mean(1)

    return undo


@right("ex03.weights")
def weights_said():
    return "b"


@wrong("ex03.weights", "the gradient taken as unchanged")
def weights_with_the_same_gradient():
    return "c"


@right("ex03.bias")
def bias_said():
    return "d"


@wrong("ex03.bias", "the stored mean overlooked")
def bias_in_eval_mode():
    return "b"


@wrong("ex03.forward", "channels not moved back before the reshape")
def forward_with_the_channels_left_at_the_end():
    def batch_norm(x, gamma, beta, eps):
        rows = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
        rows = gamma * (rows - rows.mean(0)) / np.sqrt(rows.var(0) + eps) + beta
        return rows.reshape(x.shape)

    return batch_norm


@wrong("ex03.forward", "γ and β exchanged")
def forward_that_scales_by_beta():
    def batch_norm(x, gamma, beta, eps):
        y = np.empty_like(x)
        for c in range(x.shape[1]):
            values = x[:, c]
            y[:, c] = gamma[c] + beta[c] * (values - values.mean()) / (values.var() + eps) ** 0.5
        return y

    return batch_norm


@wrong("ex03.statistics", "the variance of the averages")
def statistics_of_the_means_of_the_images():
    def batch_statistics(x):
        while x.ndim > 2:
            x = x.mean(-1)
        return x.mean(0), x.var(0)

    return batch_statistics


@wrong("ex03.statistics", "the examples taken for the channels")
def statistics_of_the_first_examples():
    def batch_statistics(x):
        channels = range(x.shape[1])
        return np.array([x[c].mean() for c in channels]), np.array([x[c].var() for c in channels])

    return batch_statistics
