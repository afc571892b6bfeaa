"""The second bank: written after the checks had learned from the first, and run once.

What it says is how the checks do with mistakes of people that nobody has told them of.
"""

from tests.exercises.fresh import Wrong, first, slips, values

WRONG = (
    *slips(
        "ex02.standardise",
        first.STANDARDISE,
        to_the_unit_interval=(
            "(x - mean) / std",
            "(x - x.min(axis=0)) / (x.max(axis=0) - x.min(axis=0))",
        ),
        unit_length=("(x - mean) / std", "x / np.linalg.norm(x, axis=0)"),
        robust=("x.std(axis=0)", "(np.percentile(x, 75, axis=0) - np.percentile(x, 25, axis=0))"),
    ),
    *slips(
        "ex02.standardise_with",
        first.STANDARDISE_WITH,
        spread_of_the_test=("(test - m) / s", "(test - m) / test.std(axis=0)"),
        mean_of_the_test_rows=("(test - m) / s", "(test - test.mean(axis=1, keepdims=True)) / s"),
    ),
    *slips(
        "ex02.variance",
        first.VARIANCE,
        of_all=("x.mean(axis=0)", "x.mean()"),
        of_the_first_value=("mu = x.mean(axis=0)", "mu = x[0]"),
        to_the_fourth=("** 2", "** 4"),
    ),
    *slips(
        "ex03.statistics",
        first.STATISTICS,
        second_moment_root=("x.var(axis=axes)", "np.sqrt((x ** 2).mean(axis=axes))"),
        list_of_axes_short=("tuple(range(2, x.ndim))", "tuple(range(3, x.ndim))"),
        median=("x.mean(axis=axes)", "np.median(x, axis=axes)"),
    ),
    *slips(
        "ex03.forward",
        first.FORWARD,
        n_minus_1_by_hand=(
            "x.var(axis=axes, keepdims=True)",
            "((x - mu) ** 2).sum(axis=axes, keepdims=True) / (x.shape[0] - 1)",
        ),
        eps_subtracted=("var + eps", "np.abs(var - eps)"),
        gamma_squared=("g * x_hat + b", "g ** 2 * x_hat + b"),
        gamma_under_the_root=("g * x_hat + b", "np.sqrt(np.abs(g)) * x_hat + b"),
        maximum_of_eps=("np.sqrt(var + eps)", "np.sqrt(np.maximum(var, eps))"),
        mean_added_back=("return g * x_hat + b", "return g * x_hat + b + mu"),
        cubed_root=("np.sqrt(var + eps)", "np.cbrt(var + eps)"),
    ),
    *slips(
        "ex03.undo",
        first.UNDO,
        halved=("np.sqrt(var + eps)", "np.sqrt(var + eps) / 2"),
        beta_scaled=("beta = mu", "beta = mu * np.sqrt(var + eps)"),
        std_of_all=("x.var(axis=axes)", "np.full(x.shape[1], x.var())"),
    ),
    *slips(
        "ex04.closed",
        first.CLOSED,
        two_over_n=("x_hat * dgamma.reshape(shape) / n", "2 * x_hat * dgamma.reshape(shape) / n"),
        rstd_cubed=(
            "gamma.reshape(shape) / std * inner",
            "gamma.reshape(shape) / std ** 3 * inner",
        ),
        mean_of_x=("- dbeta.reshape(shape) / n", "- mu"),
        n_squared=("- dbeta.reshape(shape) / n", "- dbeta.reshape(shape) / n ** 2"),
    ),
    *slips(
        "ex04.graph",
        first.GRAPH,
        c_not_squared=("(c ** 2).mean(0)", "np.abs(c).mean(0)"),
        dx_hat_of_the_mean=("dx_hat = dy * gamma", "dx_hat = dy * gamma.mean()"),
        var_path_twice=("dvar * 2 * c / n", "dvar * 4 * c / n"),
    ),
    *slips(
        "ex05.running",
        first.RUNNING,
        weighted_by_size=(
            "momentum * x.mean(axis=0)",
            "momentum * len(x) / len(batches[0]) * x.mean(axis=0)",
        ),
        momentum_decays=(
            "    for x in batches:\n",
            "    for x in batches:\n        momentum = momentum * 0.9\n",
        ),
        var_of_mean=("x.var(axis=0, ddof=1)", "x.var(axis=0, ddof=1) / len(x)"),
    ),
    *slips(
        "ex05.layer",
        first.LAYER,
        beta_starts_at_one=("self.beta = np.zeros", "self.beta = np.ones"),
        momentum_and_eps_exchanged=("self.momentum = momentum", "self.momentum = eps * 1e4"),
        running_mean_before=(
            "mu = x.mean(axis=axes)",
            "mu = (x.mean(axis=axes) + self.running_mean) / 2",
        ),
        output_flattened=(
            "return self.gamma.reshape(shape) * x_hat + self.beta.reshape(shape)",
            "return (self.gamma.reshape(shape) * x_hat + self.beta.reshape(shape)).reshape(len(x), -1)",
        ),
    ),
    *slips(
        "ex05.modes",
        first.MODES,
        eval_for_single_examples_alone=("if self.training:", "if self.training or len(x) > 1:"),
        eval_resets=(
            "        self.training = False\n",
            "        self.training = False\n        self.running_mean = self.running_mean * 0\n",
        ),
        mode_by_a_string=("        self.training = False\n", "        self.training = 'eval'\n"),
    ),
    *slips(
        "ex06.train",
        first.TRAIN,
        loss_summed_twice=("total += loss.item() * len(y)", "total += loss.item() * len(y) ** 2"),
        loss_scaled=("        loss.backward()\n", "        (loss / len(batches)).backward()\n"),
        gradient_clipped=(
            "        optimizer.step()\n",
            "        nn.utils.clip_grad_norm_(model.parameters(), 0.1)\n        optimizer.step()\n",
        ),
        two_epochs=("    for x, y in batches:\n", "    for x, y in [*batches, *batches]:\n"),
        last_batch_skipped=("    for x, y in batches:\n", "    for x, y in batches[:-1]:\n"),
    ),
    *slips(
        "ex06.evaluate",
        first.EVALUATE,
        below_zero=("(logits > 0)", "(logits < 0)"),
        summed_loss=(
            "loss_function(logits, y).item() * len(y)",
            "loss_function(logits, y).item() * len(y) / len(batches)",
        ),
        rounded=(
            "return total / count, right / count",
            "return round(total / count, 2), round(right / count, 2)",
        ),
        tensors=(".sum().item()", ".sum()"),
    ),
    *slips(
        "ex07.fold",
        first.FOLD,
        gamma_squared=("gamma / np.sqrt", "gamma**2 / np.sqrt"),
        mean_not_scaled=(
            "(bias - running_mean) * scale + beta",
            "bias * scale - running_mean + beta",
        ),
        bias_for_none_is_beta=("bias = np.zeros(len(gamma))", "bias = beta"),
    ),
    *slips(
        "ex07.residual",
        first.RESIDUAL,
        halved=("torch.relu(x + h)", "torch.relu(x + h / 2)"),
        beta_at_one=(
            "nn.init.zeros_(self.norm2.weight)",
            "nn.init.zeros_(self.norm2.weight)\n        nn.init.ones_(self.norm2.bias)",
        ),
        product=("torch.relu(x + h)", "torch.relu(x * h)"),
    ),
    *slips(
        "ex08.interval",
        first.INTERVAL,
        of_the_median=("mean = d.mean()", "mean = np.median(d)"),
        one_sided=("return mean, mean - half, mean + half", "return mean, mean - half, np.inf"),
        relative=("half = t * s / np.sqrt(len(d))", "half = t * s / np.sqrt(len(d)) / abs(mean)"),
    ),
    *slips(
        "ex08.steps",
        first.STEPS,
        lowest_so_far=("loss <= target", "np.min(losses[: i + 1]) < target / 2"),
        smoothed=("loss <= target", "np.mean(losses[max(0, i - 2) : i + 1]) <= target"),
    ),
    *slips(
        "ex09.combined",
        first.COMBINE,
        geometric=("(n1 * var1 + n2 * var2) / n", "np.sqrt(var1 * var2)"),
        larger=("within + between", "np.maximum(within, between)"),
    ),
    *slips(
        "ex09.ghosts",
        first.GHOSTS,
        overlapping=("range(0, len(x), ghost)", "range(0, len(x) - ghost + 1, max(1, ghost // 2))"),
        one_group_short=("x_hat = np.concatenate(parts)", "x_hat = np.concatenate(parts[:-1])"),
    ),
    *slips(
        "ex11.groups",
        first.GROUPS,
        groups_of_examples=(
            "x.reshape(n, groups, -1)",
            "x.reshape(n, groups, -1).mean(axis=0, keepdims=True).repeat(n, axis=0)",
        ),
        gamma_by_hat=("x_hat * gamma.reshape(shape)", "x_hat * gamma.mean()"),
        sum_in_place_of_mean=(
            "sets.mean(axis=2, keepdims=True)",
            "sets.sum(axis=2, keepdims=True)",
        ),
    ),
    *slips(
        "ex11.sequences",
        first.SEQUENCES,
        padded=("x.mean(axis=(0, 1))", "x.sum(axis=(0, 1)) / (x.shape[0] + x.shape[1])"),
        beta_negative=(" + beta", " - beta"),
    ),
    *values("ex03.spread", 0.0302, 0.095),
    *values("ex05.needed", 46, 440),
    *values("ex08.noise", 0.75 / 3, 1.5),
    *values("ex09.two", 2.05, 4),
    Wrong(
        "ex04.parameters",
        "an exchange of the two",
        "def parameter_gradients(dy, x_hat):\n    axes = (0, *range(2, dy.ndim))\n    return (dy + x_hat).sum(axis=axes), dy.sum(axis=axes)\n",
    ),
    Wrong(
        "ex04.numerical",
        "a complex step",
        "def numerical_gradient(f, x, h):\n    x = np.array(x, dtype=float)\n    g = np.zeros(x.shape)\n    for i in np.ndindex(x.shape):\n        e = np.zeros(x.shape)\n        e[i] = h\n        g[i] = (f(x + e) - f(x)) / h\n    return g\n",
    ),
    Wrong(
        "ex05.average",
        "an average of running averages",
        "def average_running(batches):\n    m = np.mean([x.mean(axis=0) for x in batches], axis=0)\n    return m, np.mean([((x - m) ** 2).mean(axis=0) for x in batches], axis=0)\n",
    ),
)
