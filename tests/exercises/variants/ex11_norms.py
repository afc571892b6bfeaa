"""Answers to exercise 11 in other styles."""

import numpy as np

from tests.exercises.variants import right, wrong


@right("ex11.normalise")
def normalise_by_hand():
    def normalise(x, axes, eps):
        count = 1
        for axis in axes:
            count *= x.shape[axis]
        out = x - np.sum(x, axis=axes, keepdims=True) / count
        out /= np.sqrt(np.sum(out**2, axis=axes, keepdims=True) / count + eps)
        return out

    return normalise


@right("ex11.normalise")
def normalise_by_loops():
    def normalise(x, axes, eps):
        out = np.zeros_like(x)
        kept = [range(size) if i not in axes else [None] for i, size in enumerate(x.shape)]
        for where in np.ndindex(*[len(choices) for choices in kept]):
            at = tuple(
                slice(None) if choices == [None] else choices[i]
                for choices, i in zip(kept, where, strict=True)
            )
            values = x[at]
            out[at] = (values - values.mean()) / (values.var() + eps) ** 0.5
        return out

    return normalise


@right("ex11.normalise")
def normalise_by_expand_dims():
    def normalise(x, axes, eps):
        mu = np.expand_dims(x.mean(axes), axes)
        var = np.expand_dims(x.var(axes), axes)
        return (x - mu) * (var + eps) ** -0.5

    return normalise


@wrong("ex11.normalise", "the averaged axes are lost")
def normalise_without_keepdims():
    def normalise(x, axes, eps):
        centred = x - np.mean(x, axes)
        return centred / np.sqrt(np.var(x, axes) + eps)

    return normalise


@wrong("ex11.normalise", "ε outside the root")
def normalise_with_eps_added_to_the_spread():
    def normalise(x, axes, eps):
        x = x - x.mean(axes, keepdims=True)
        return x / (np.std(x, axes, keepdims=True) + eps)

    return normalise


@wrong("ex11.normalise", "divided by the size of one axis alone")
def normalise_with_the_count_of_one_axis():
    def normalise(x, axes, eps):
        count = x.shape[axes[0]]
        out = x - x.sum(axes, keepdims=True) / count
        return out / np.sqrt((out * out).sum(axes, keepdims=True) / count + eps)

    return normalise


@wrong("ex11.normalise", "the mean of the whole array", "the variance of the whole array")
def normalise_without_axes():
    def normalise(x, axes, eps):
        return (x - np.mean(x)) * (np.std(x) ** 2 + eps) ** -0.5

    return normalise


@right("ex11.axes")
def axes_by_what_survives():
    def axes_of(kind, ndim):
        survive = {"batch": {1}, "layer": {0}, "instance": {0, 1}}[kind]
        axes = tuple(axis for axis in range(ndim) if axis not in survive)
        if not axes:
            raise ValueError("nothing to average over")
        return axes

    return axes_of


@right("ex11.axes")
def axes_by_cases():
    def axes_of(kind, ndim):
        if kind == "instance" and ndim == 2:
            raise ValueError("instance norm of vectors gives 0")
        axes = list(range(ndim))
        if kind != "layer":
            axes.remove(1)
        if kind != "batch":
            axes.remove(0)
        return tuple(axes)

    return axes_of


@right("ex11.axes")
def axes_by_match():
    def axes_of(kind, ndim):
        match kind, ndim:
            case "instance", 2:
                raise ValueError("no positions")
            case "batch", _:
                first = (0,)
            case "layer", _:
                first = (1,)
            case _:
                first = ()
        return first + tuple(np.arange(2, ndim))

    return axes_of


@wrong("ex11.axes", "layer norm and instance norm swapped")
def axes_from_a_wrong_table():
    def axes_of(kind, ndim):
        if ndim == 2 and kind == "instance":
            raise ValueError("no positions")
        spatial = list(range(2, ndim))
        return tuple({"batch": [0], "layer": [], "instance": [1]}[kind] + spatial)

    return axes_of


@wrong("ex11.axes", "layer norm without the positions", "instance norm of vectors is let through")
def axes_of_features_alone():
    def axes_of(kind, ndim):
        if kind == "layer":
            return (1,)
        spatial = tuple(range(2, ndim))
        return (0, *spatial) if kind == "batch" else spatial

    return axes_of


@wrong("ex11.axes", "the last axis left out")
def axes_that_end_too_early():
    def axes_of(kind, ndim):
        if kind == "instance" and ndim == 2:
            raise ValueError("no positions")
        survive = {"batch": {1}, "layer": {0}, "instance": {0, 1}}[kind]
        return tuple(axis for axis in range(ndim - 1) if axis not in survive)

    return axes_of


@right("ex11.groups")
def groups_by_slices():
    def group_norm(x, groups, gamma, beta, eps):
        size = x.shape[1] // groups
        y = np.empty(x.shape)
        for i, example in enumerate(x):
            for start in range(0, x.shape[1], size):
                part = example[start : start + size]
                y[i, start : start + size] = (part - part.mean()) / np.sqrt(part.var() + eps)
        for c in range(x.shape[1]):
            y[:, c] = gamma[c] * y[:, c] + beta[c]
        return y

    return group_norm


@right("ex11.groups")
def groups_in_place():
    def group_norm(x, groups, gamma, beta, eps):
        rows = x.reshape(x.shape[0] * groups, -1).copy()
        rows -= rows.mean(axis=1, keepdims=True)
        rows /= np.sqrt((rows * rows).mean(axis=1, keepdims=True) + eps)
        y = np.moveaxis(rows.reshape(x.shape), 1, -1)
        y *= gamma
        y += beta
        return np.moveaxis(y, -1, 1)

    return group_norm


@right("ex11.groups")
def groups_by_einsum():
    def group_norm(x, groups, gamma, beta, eps):
        flat = x.reshape(x.shape[0], x.shape[1], -1)
        member = np.arange(x.shape[1]) // (x.shape[1] // groups)
        same = (member[:, None] == member).astype(float)  # (C, C): in the same group?
        n = same.sum(0) * flat.shape[2]
        centred = flat - (np.einsum("ncl,cd->nd", flat, same) / n)[..., None]
        var = np.einsum("ncl,ncl,cd->nd", centred, centred, same) / n
        y = centred * (gamma / np.sqrt(var + eps))[..., None] + beta[:, None]
        return y.reshape(x.shape)

    return group_norm


@wrong("ex11.groups", "`groups` taken for the size of a group")
def groups_of_so_many_channels():
    def group_norm(x, groups, gamma, beta, eps):
        along = (-1,) + (1,) * (x.ndim - 2)
        parts = []
        for start in range(0, x.shape[1], groups):
            part = x[:, start : start + groups]
            axes = tuple(range(1, x.ndim))
            mu, var = part.mean(axes, keepdims=True), part.var(axes, keepdims=True)
            parts.append((part - mu) / np.sqrt(var + eps))
        return gamma.reshape(along) * np.concatenate(parts, 1) + beta.reshape(along)

    return group_norm


@wrong("ex11.groups", "statistics over the examples too")
def groups_of_the_whole_batch():
    def group_norm(x, groups, gamma, beta, eps):
        along = (-1,) + (1,) * (x.ndim - 2)
        parts = [
            (part - part.mean()) / np.sqrt(part.var() + eps) for part in np.split(x, groups, axis=1)
        ]
        return gamma.reshape(along) * np.concatenate(parts, 1) + beta.reshape(along)

    return group_norm


@wrong("ex11.groups", "γ and β on the wrong axis")
def groups_with_plain_broadcasting():
    def group_norm(x, groups, gamma, beta, eps):
        sets = x.reshape(len(x), groups, -1)
        sets = (sets - sets.mean(2)[..., None]) / np.sqrt(sets.var(2)[..., None] + eps)
        return sets.reshape(x.shape) * gamma + beta

    return group_norm


@wrong("ex11.groups", "the last axis left out")
def groups_with_the_axes_of_x():
    def group_norm(x, groups, gamma, beta, eps):
        along = (len(gamma),) + (1,) * (x.ndim - 2)
        sets = x.reshape(len(x), groups, -1, *x.shape[2:])
        axes = tuple(np.arange(2, x.ndim))
        sets = sets - sets.mean(axes, keepdims=True)
        sets = sets / np.sqrt((sets**2).mean(axes, keepdims=True) + eps)
        return sets.reshape(x.shape) * gamma.reshape(along) + beta.reshape(along)

    return group_norm


@right("ex11.tokens")
def tokens_by_loops():
    def layer_norm_nlc(x, gamma, beta, eps):
        y = np.empty_like(x)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                token = x[i, j]
                y[i, j] = gamma * (token - token.mean()) / np.sqrt(token.var() + eps) + beta
        return y

    return layer_norm_nlc


@right("ex11.tokens")
def tokens_as_rows():
    def layer_norm_nlc(x, gamma, beta, eps):
        rows = x.reshape(-1, x.shape[-1]).copy()
        rows -= rows.mean(1, keepdims=True)
        rows *= (np.square(rows).mean(1, keepdims=True) + eps) ** -0.5
        return (rows * gamma + beta).reshape(x.shape)

    return layer_norm_nlc


@right("ex11.tokens")
def tokens_by_transposing():
    def layer_norm_nlc(x, gamma, beta, eps):
        columns = x.T  # (C, L, N)
        mu = sum(columns) / len(columns)
        var = sum((column - mu) ** 2 for column in columns) / len(columns)
        return ((columns - mu) / np.sqrt(var + eps)).T * gamma + beta

    return layer_norm_nlc


@wrong("ex11.tokens", "statistics of the whole sequence")
def tokens_with_the_statistics_of_their_sequence():
    def layer_norm_nlc(x, gamma, beta, eps):
        flat = x.reshape(len(x), -1)
        flat = (flat - flat.mean(1)[:, None]) / np.sqrt(flat.var(1)[:, None] + eps)
        return flat.reshape(x.shape) * gamma + beta

    return layer_norm_nlc


@wrong("ex11.tokens", "γ and β on the wrong axis")
def tokens_with_gamma_along_the_positions():
    def layer_norm_nlc(x, gamma, beta, eps):
        out = x - np.mean(x, -1, keepdims=True)
        out = out / np.sqrt(np.mean(out**2, -1, keepdims=True) + eps)
        return out * gamma[:, None] + beta[:, None]

    return layer_norm_nlc


@wrong("ex11.tokens", "the averaged axes are lost")
def tokens_without_keepdims():
    def layer_norm_nlc(x, gamma, beta, eps):
        centred = x - x.mean(2)
        return gamma * centred / np.sqrt(x.var(2) + eps) + beta

    return layer_norm_nlc


@right("ex11.sequences")
def sequences_as_rows():
    def batch_norm_nlc(x, gamma, beta, eps):
        rows = x.reshape(-1, x.shape[2])
        x_hat = (rows - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0) + eps)
        return (gamma * x_hat + beta).reshape(x.shape)

    return batch_norm_nlc


@right("ex11.sequences")
def sequences_by_transposing_there_and_back():
    def batch_norm_nlc(x, gamma, beta, eps):
        ncl = x.transpose(0, 2, 1)
        mu = ncl.mean((0, 2), keepdims=True)
        var = ((ncl - mu) ** 2).mean((0, 2), keepdims=True)
        y = gamma[:, None] * (ncl - mu) / np.sqrt(var + eps) + beta[:, None]
        return np.swapaxes(y, 1, 2)

    return batch_norm_nlc


@right("ex11.sequences")
def sequences_by_loops_over_channels():
    def batch_norm_nlc(x, gamma, beta, eps):
        y = np.array(x)
        for c in range(x.shape[-1]):
            y[..., c] -= y[..., c].mean()
            y[..., c] *= gamma[c] / np.sqrt((y[..., c] ** 2).mean() + eps)
            y[..., c] += beta[c]
        return y

    return batch_norm_nlc


@wrong("ex11.sequences", "(N, L, C) taken for (N, C, L)", "γ and β on the wrong axis")
def sequences_as_batch_norm_1d_would():
    def batch_norm_nlc(x, gamma, beta, eps):
        y = np.zeros(x.shape)
        for c in range(len(gamma)):
            values = x[:, c, :]
            y[:, c, :] = (values - values.mean()) / np.sqrt(values.var() + eps) * gamma[c] + beta[c]
        return y

    return batch_norm_nlc


@wrong("ex11.sequences", "reshaped in place of transposed")
def sequences_by_reshaping_there_and_back():
    def batch_norm_nlc(x, gamma, beta, eps):
        n, length, c = x.shape
        ncl = x.reshape(n, c, length)
        mu, var = ncl.mean((0, 2)), ncl.var((0, 2))
        x_hat = (ncl - mu[:, None]) / np.sqrt(var + eps)[:, None]
        return (gamma[:, None] * x_hat + beta[:, None]).reshape(n, length, c)

    return batch_norm_nlc


@wrong("ex11.sequences", "statistics over the batch axis alone")
def sequences_position_by_position():
    def batch_norm_nlc(x, gamma, beta, eps):
        y = np.empty(x.shape)
        for position in range(x.shape[1]):
            rows = x[:, position]
            y[:, position] = gamma * (rows - rows.mean(0)) / np.sqrt(rows.var(0) + eps) + beta
        return y

    return batch_norm_nlc


@wrong("ex11.sequences", "the variances of the sequences averaged")
def sequences_with_the_mean_of_their_variances():
    def batch_norm_nlc(x, gamma, beta, eps):
        mu = sum(sequence.mean(0) for sequence in x) / len(x)
        var = sum(sequence.var(0) for sequence in x) / len(x)
        return (x - mu) / np.sqrt(var + eps) * gamma + beta

    return batch_norm_nlc


@wrong("ex11.sequences", "γ and β swapped")
def sequences_scaled_by_beta():
    def batch_norm_nlc(x, beta, gamma, eps):
        rows = x.reshape(-1, x.shape[2])
        return ((rows - rows.mean(0)) / np.sqrt(rows.var(0) + eps) * gamma + beta).reshape(x.shape)

    return batch_norm_nlc
