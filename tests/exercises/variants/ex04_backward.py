"""Answers to exercise 4 in other styles."""

import numpy as np

from tests.exercises.variants import right, wrong


def rows(x):
    """(N, C, ...) as (C, n)."""
    return np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)


def unrows(values, like):
    """(C, n) back to the shape of `like`."""
    shape = (like.shape[1], like.shape[0], *like.shape[2:])
    return np.moveaxis(values.reshape(shape), 0, 1)


# The gradients of γ and β.


@right("ex04.parameters")
def parameters_by_loops():
    def parameter_gradients(dy, x_hat):
        channels = dy.shape[1]
        dgamma, dbeta = [0.0] * channels, [0.0] * channels
        for i in np.ndindex(dy.shape):
            dgamma[i[1]] += dy[i] * x_hat[i]
            dbeta[i[1]] += dy[i]
        return np.array(dgamma), np.array(dbeta)

    return parameter_gradients


@right("ex04.parameters")
def parameters_by_einsum():
    def parameter_gradients(dy, x_hat):
        d, z = (a.reshape(*a.shape[:2], -1) for a in (dy, x_hat))
        return np.einsum("ncl,ncl->c", d, z), np.einsum("ncl->c", d)

    return parameter_gradients


@right("ex04.parameters")
def parameters_by_reshape():
    def parameter_gradients(dy, x_hat):
        flat, flat_x_hat = (a.reshape(*a.shape[:2], -1) for a in (dy, x_hat))
        return [(flat * flat_x_hat).sum(0).sum(-1), flat.sum(0).sum(-1)]

    return parameter_gradients


@right("ex04.parameters")
def parameters_by_n_times_the_mean():
    def parameter_gradients(dy, x_hat):
        n = dy.size / dy.shape[1]
        return n * rows(dy * x_hat).mean(1), n * rows(dy).mean(1)

    return parameter_gradients


@wrong("ex04.parameters", "dγ and dβ averaged")
def parameters_as_means_over_rows():
    def parameter_gradients(dy, x_hat):
        return rows(dy * x_hat).mean(1), rows(dy).mean(1)

    return parameter_gradients


@wrong("ex04.parameters", "dγ and dβ divided by N")
def parameters_per_example():
    def parameter_gradients(dy, x_hat):
        per_example = (dy * x_hat).reshape(*dy.shape[:2], -1).sum(2)
        return per_example.mean(0), dy.reshape(*dy.shape[:2], -1).sum(2).mean(0)

    return parameter_gradients


@wrong("ex04.parameters", "axes that only images have")
def parameters_of_images():
    def parameter_gradients(dy, x_hat):
        return np.sum(dy * x_hat, axis=(0, 2, 3)), np.sum(dy, axis=(0, 2, 3))

    return parameter_gradients


@wrong("ex04.parameters", "dγ and dβ summed over the batch axis alone", "dγ and dβ swapped")
def parameters_swapped_and_along_the_batch():
    def parameter_gradients(dy, x_hat):
        return sum(dy), sum(dy * x_hat)

    return parameter_gradients


# Finite differences.


@right("ex04.numerical")
def numerical_in_place_on_a_copy():
    def numerical_gradient(f, x, h):
        x = x.astype(float)
        gradient = np.empty(x.shape)
        for i in np.ndindex(*x.shape):
            kept = x[i]
            x[i] = kept + h
            above = f(x)
            x[i] = kept - h
            below = f(x)
            x[i] = kept
            gradient[i] = (above - below) / h / 2
        return gradient

    return numerical_gradient


@right("ex04.numerical")
def numerical_with_unit_vectors():
    def numerical_gradient(f, x, h):
        steps = np.eye(x.size).reshape(x.size, *x.shape) * h
        return np.array([(f(x + e) - f(x - e)) / (2 * h) for e in steps]).reshape(x.shape)

    return numerical_gradient


@right("ex04.numerical")
def numerical_on_the_flat_array():
    def numerical_gradient(f, x, h):
        flat, slopes = np.ravel(x) * 1.0, []
        for i in range(flat.size):
            losses = []
            for sign in (1, -1):
                moved = flat.copy()
                moved[i] += sign * h
                losses.append(f(moved.reshape(x.shape)))
            slopes.append(0.5 * (losses[0] - losses[1]) / h)
        return np.reshape(slopes, x.shape)

    return numerical_gradient


@wrong("ex04.numerical", "a forward difference")
def numerical_with_one_sided_steps():
    def numerical_gradient(f, x, h):
        start = f(x)
        steps = np.eye(x.size).reshape(x.size, *x.shape) * h
        return np.array([(f(x + e) - start) / h for e in steps]).reshape(x.shape)

    return numerical_gradient


@wrong("ex04.numerical", "x itself is moved, and not moved back")
def numerical_that_leaves_x_moved():
    def numerical_gradient(f, x, h):
        gradient = np.zeros(x.shape)
        with np.nditer(gradient, flags=["multi_index"], op_flags=["readwrite"]) as places:
            for place in places:
                i = places.multi_index
                x[i] = x[i] + h
                above = f(x)
                x[i] = x[i] - 2 * h
                place[...] = (above - f(x)) / (2 * h)
        return gradient

    return numerical_gradient


@wrong("ex04.numerical", "both points are the same array")
def numerical_without_copies():
    def numerical_gradient(f, x, h):
        gradient = np.zeros(x.shape)
        for i in np.ndindex(x.shape):
            up, down = x, x
            up[i] += h
            down[i] -= h
            gradient[i] = (f(up) - f(down)) / (2 * h)
        return gradient

    return numerical_gradient


@wrong("ex04.numerical", "whole numbers stay whole")
def numerical_in_the_type_of_x():
    def numerical_gradient(f, x, h):
        gradient = np.zeros_like(x)
        for i in np.ndindex(x.shape):
            moved = x.copy()
            moved[i] = x[i] + h
            gradient[i] = f(moved) / (2 * h)
            moved[i] = x[i] - h
            gradient[i] = whole(f, x, i, h)
        return gradient

    def whole(f, x, i, h):
        up, down = x.copy(), x.copy()
        up[i] = x[i] + h
        down[i] = x[i] - h
        return (f(up) - f(down)) / (2 * h)

    return numerical_gradient


# Back through the graph.


@right("ex04.graph")
def graph_as_in_the_paper():
    def backward_graph(dy, x, gamma, eps):
        m = x.shape[0]
        mu, var = x.mean(0), x.var(0)
        dx_hat = dy * gamma
        dvar = np.sum(dx_hat * (x - mu) * -0.5 * (var + eps) ** -1.5, axis=0)
        dmu = np.sum(-dx_hat / np.sqrt(var + eps), axis=0) + dvar * np.mean(-2 * (x - mu), axis=0)
        dx = dx_hat / np.sqrt(var + eps) + dvar * 2 * (x - mu) / m + dmu / m
        return dict(dx_hat=dx_hat, dvar=dvar, dmu=dmu, dx=dx)

    return backward_graph


@right("ex04.graph")
def graph_by_loops():
    def backward_graph(dy, x, gamma, eps):
        n, channels = x.shape
        out = {name: np.zeros((n, channels)) for name in ("dx_hat", "dx")}
        out |= {name: np.zeros(channels) for name in ("dvar", "dmu")}
        for c in range(channels):
            mean = sum(x[:, c]) / n
            deviations = [v - mean for v in x[:, c]]
            spread = (sum(d * d for d in deviations) / n + eps) ** 0.5
            for i in range(n):
                out["dx_hat"][i, c] = gamma[c] * dy[i, c]
                out["dvar"][c] -= out["dx_hat"][i, c] * deviations[i] / (2 * spread**3)
                out["dmu"][c] -= out["dx_hat"][i, c] / spread
            for i in range(n):
                share = 2 * deviations[i] * out["dvar"][c] + out["dmu"][c]
                out["dx"][i, c] = out["dx_hat"][i, c] / spread + share / n
        return out

    return backward_graph


@right("ex04.graph")
def graph_through_the_standard_deviation():
    def backward_graph(dy, x, gamma, eps):
        n = len(x)
        sigma = np.sqrt(x.var(axis=0) + eps)
        centred = x - x.sum(axis=0) / n
        dx_hat = np.einsum("nc,c->nc", dy, gamma)
        dsigma = -np.einsum("nc,nc->c", dx_hat, centred) / sigma**2
        dvar = dsigma / (2 * sigma)
        dcentred = dx_hat / sigma
        dcentred += 2 / n * centred * dvar
        dx = dcentred - dcentred.mean(axis=0)
        return {"dvar": dvar, "dx": dx, "dx_hat": dx_hat, "dmu": -dcentred.sum(0), "n": n}

    return backward_graph


@wrong("ex04.graph", "μ and σ² taken as constants")
def graph_of_constant_statistics():
    def backward_graph(dy, x, gamma, eps):
        found = graph_as_in_the_paper()(dy, x, gamma, eps)
        return {**found, "dx": gamma * dy / np.sqrt(x.var(0) + eps)}

    return backward_graph


@wrong("ex04.graph", "the factor −½ of the root left out", "the path through μ not divided by n")
def graph_with_two_mistakes():
    def backward_graph(dy, x, gamma, eps):
        n, mu, std = len(x), x.mean(0), np.sqrt(x.var(0) + eps)
        dx_hat = dy * gamma
        dvar = (dx_hat * (x - mu)).sum(0) / std**3
        dmu = -(dx_hat / std).sum(0)
        dx = dx_hat / std + dvar * 2 * (x - mu) / n + dmu
        return {"dx_hat": dx_hat, "dvar": dvar, "dmu": dmu, "dx": dx}

    return backward_graph


# The closed form.


@right("ex04.closed")
def closed_with_means():
    def batch_norm_backward(dy, x, gamma, eps):
        d, z = rows(dy), rows(x)
        std = np.sqrt(np.var(z, axis=1, keepdims=True) + eps)
        z_hat = (z - z.mean(1, keepdims=True)) / std
        inner = d - d.mean(1, keepdims=True) - z_hat * (d * z_hat).mean(1, keepdims=True)
        return unrows(gamma[:, None] / std * inner, x), (d * z_hat).sum(1), d.sum(1)

    return batch_norm_backward


@right("ex04.closed")
def closed_channel_by_channel():
    def batch_norm_backward(dy, x, gamma, eps):
        dx, dgamma, dbeta = np.empty(x.shape), np.empty(len(gamma)), np.empty(len(gamma))
        for c, scale in enumerate(gamma):
            z, d = x[:, c], dy[:, c]
            n, centred = z.size, z - z.mean()
            root = np.sqrt(np.sum(centred * centred) / n + eps)
            dgamma[c], dbeta[c] = np.vdot(d, centred) / root, d.sum()
            dx[:, c] = scale / (n * root) * (n * d - dbeta[c] - centred / root * dgamma[c])
        return dx, dgamma, dbeta

    return batch_norm_backward


@right("ex04.closed")
def closed_through_the_graph():
    def batch_norm_backward(dy, x, gamma, eps):
        d, z = rows(dy).T.copy(), rows(x).T.copy()
        dx = graph_as_in_the_paper()(d, z, gamma, eps)["dx"]
        z -= z.mean(0)
        z /= np.sqrt((z**2).mean(0) + eps)
        return unrows(dx.T, x), np.einsum("nc,nc->c", d, z), d.sum(0)

    return batch_norm_backward


@wrong("ex04.closed", "n counts the examples alone")
def closed_divided_by_the_batch():
    def batch_norm_backward(dy, x, gamma, eps):
        d, z = rows(dy), rows(x)
        std = z.var(1, keepdims=True) + eps
        std **= 0.5
        z_hat = (z - z.mean(1, keepdims=True)) / std
        dgamma, dbeta = (d * z_hat).sum(1), d.sum(1)
        inner = len(x) * d - dbeta[:, None] - z_hat * dgamma[:, None]
        return unrows(gamma[:, None] / std / len(x) * inner, x), dgamma, dbeta

    return batch_norm_backward


@wrong("ex04.closed", "γ in dγ and dβ")
def closed_with_dx_hat_throughout():
    def batch_norm_backward(dy, x, gamma, eps):
        d, z = gamma[:, None] * rows(dy), rows(x)
        std = np.sqrt(z.var(1, keepdims=True) + eps)
        z_hat = (z - z.mean(1, keepdims=True)) / std
        inner = d - d.mean(1, keepdims=True) - z_hat * (d * z_hat).mean(1, keepdims=True)
        return unrows(inner / std, x), (d * z_hat).sum(1), d.sum(1)

    return batch_norm_backward


@wrong("ex04.closed", "the path through σ² missing", "no ε")
def closed_without_the_variance():
    def batch_norm_backward(dy, x, gamma, eps):
        d, z = rows(dy), rows(x)
        inner = (d.T - d.mean(1)).T
        dx = unrows(inner * (gamma / z.std(1))[:, None], x)
        z_hat = (z.T - z.mean(1)) / z.std(1)
        return dx, (d.T * z_hat).sum(0), d.sum(1)

    return batch_norm_backward


@wrong("ex04.closed", "γ on the wrong axis")
def closed_with_gamma_along_the_last_axis():
    def batch_norm_backward(dy, x, gamma, eps):
        dx, dgamma, dbeta = closed_with_means()(dy, x, np.ones(x.shape[1]), eps)
        return gamma * dx, dgamma, dbeta

    return batch_norm_backward


# Evaluation mode.


@right("ex04.evaluation")
def evaluation_by_rows():
    def eval_backward(dy, x, running_mean, running_var, gamma, eps):
        d, z = rows(dy), rows(x)
        root = (running_var + eps) ** 0.5
        dgamma = (d * (z - running_mean[:, None])).sum(1) / root
        return unrows(d * (gamma / root)[:, None], x), dgamma, d.sum(1)

    return eval_backward


@right("ex04.evaluation")
def evaluation_by_einsum():
    def eval_backward(dy, x, running_mean, running_var, gamma, eps):
        inv_std = 1 / np.sqrt(running_var + eps)
        d, z = (a.reshape(*a.shape[:2], -1) for a in (dy, x))
        dbeta = np.einsum("ncl->c", d)
        dgamma = inv_std * (np.einsum("ncl,ncl->c", d, z) - running_mean * dbeta)
        return np.einsum("nc...,c->nc...", dy, gamma * inv_std), dgamma, dbeta

    return eval_backward


@right("ex04.evaluation")
def evaluation_channel_by_channel():
    def eval_backward(dy, x, running_mean, running_var, gamma, eps):
        dx, dgamma, dbeta = dy.copy(), np.zeros_like(gamma), np.zeros_like(gamma)
        for c in range(len(gamma)):
            root = np.sqrt(running_var[c] + eps)
            dx[:, c] *= gamma[c] / root
            dgamma[c] = np.sum(dy[:, c] * (x[:, c] - running_mean[c]) / root)
            dbeta[c] = np.sum(dy[:, c])
        return dx, dgamma, dbeta

    return eval_backward


@wrong("ex04.evaluation", "the training formula in evaluation mode")
def evaluation_as_in_training():
    def eval_backward(dy, x, running_mean, running_var, gamma, eps):
        return closed_with_means()(dy, x, gamma, eps)

    return eval_backward


@wrong("ex04.evaluation", "all vectors on the wrong axis")
def evaluation_without_reshaping():
    def eval_backward(dy, x, running_mean, running_var, gamma, eps):
        axes = (0, *range(2, x.ndim))
        x_hat = (x - running_mean) / np.sqrt(running_var + eps)
        dx = dy * gamma / np.sqrt(running_var + eps)
        return dx, (dy * x_hat).sum(axes), dy.sum(axes)

    return eval_backward


@wrong("ex04.evaluation", "batch statistics in the x̂ of dγ")
def evaluation_with_x_hat_of_the_batch():
    def eval_backward(dy, x, running_mean, running_var, gamma, eps):
        dx, _, dbeta = evaluation_by_rows()(dy, x, running_mean, running_var, gamma, eps)
        return dx, closed_with_means()(dy, x, gamma, eps)[1], dbeta

    return eval_backward


@wrong("ex04.graph", "−3/2 without brackets")
def graph_of_the_paper_with_a_power_cut_short():
    def backward_graph(dy, x, gamma, eps):
        m = len(x)
        apart, var = x - np.mean(x, 0), np.var(x, 0)
        dx_hat = dy * gamma
        dvar = np.sum(dx_hat * apart * -0.5 * (var + eps) ** -3 / 2, axis=0)
        dmu = np.sum(-dx_hat / np.sqrt(var + eps), axis=0)
        dx = dx_hat / np.sqrt(var + eps) + dvar * 2 * apart / m + dmu / m
        return {"dx": dx, "dmu": dmu, "dvar": dvar, "dx_hat": dx_hat}

    return backward_graph


@wrong("ex04.closed", "images cut into rows of C numbers")
def closed_on_a_reshaped_image():
    def batch_norm_backward(dy, x, gamma, eps):
        rows, up = x.reshape(-1, len(gamma)), dy.reshape(-1, len(gamma))
        dx, dgamma, dbeta = closed_with_means()(up, rows, gamma, eps)
        return dx.reshape(x.shape), dgamma, dbeta

    return batch_norm_backward


@wrong("ex04.evaluation", "dγ and dβ taken for zero")
def evaluation_with_everything_frozen():
    def eval_backward(dy, x, running_mean, running_var, gamma, eps):
        dx, *_ = evaluation_by_rows()(dy, x, running_mean, running_var, gamma, eps)
        return dx, np.zeros(len(gamma)), np.zeros(len(gamma))

    return eval_backward
