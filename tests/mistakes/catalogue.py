"""The mistakes that students make, as edits of the right source; test_mistakes plants them.

The numbers are those of the course's list of common mistakes, 1 to 28. Some of them are no
mistake in a layer but in the program around it: those stand in programs.py.
"""

from tests.mistakes.planting import Mistake

F, S, N, T = "bnlib.functional", "bnlib.scratch", "bnlib.nn.layers", "bncourse.training"

CLOSED_DX = "(dy - _spread(dbeta / n, x) - x_hat * _spread(dgamma / n, x))"
GRAPH_DCENTRED = "dcentred = dx_hat * _spread(inv_std, x) + _spread(dvar, x) * 2 * centred / n\n"
GRAPH_DX = "dx = dcentred + _spread(dmu / n, x)\n"
SCRATCH_EVAL = """            y = batch_norm_eval(
                x, self.running_mean, self.running_var, self.gamma, self.beta, self.eps
            )
"""

BUFFERS = ("running_mean", "running_var")
REGISTERED = 'self.register_buffer("{}", vector() if track_running_stats else None)'
NN_TRAINING = "training = self.training or ("
NN_TRACK = "track = self.training and self.track_running_stats"

FORWARD = [
    Mistake(
        1,
        "n − 1 in the normaliser",
        F,
        (("var = _total(centred**2) / n", "var = _total(centred**2) / (n - 1)"),),
        "normaliser_divides_by_n_and_not_by_n_minus_1",
    ),
    Mistake(
        2,
        "biased variance into the running variance",
        S,
        (("self.running_var, unbiased(var, n), momentum", "self.running_var, var, momentum"),),
        "running_variance_is_unbiased_where_the_normaliser_is_not",
    ),
    Mistake(
        3,
        "momentum weighs the old value",
        F,
        (
            (
                "(1 - momentum) * old + momentum * new",
                "momentum * old + (1 - momentum) * new",
            ),
        ),
        "running_update_is_as_by_hand",
    ),
    Mistake(
        4,
        "eps outside the root",
        F,
        (("centred, 1 / np.sqrt(var + eps)", "centred, 1 / (np.sqrt(var) + eps)"),),
        "input_of_tiny_spread_stays_small_since_eps_is_inside_the_root",
    ),
    Mistake(
        5,
        "no eps",
        F,
        (("centred, 1 / np.sqrt(var + eps)", "centred, 1 / np.sqrt(var)"),),
        "constant_channel_gives_beta",
    ),
    Mistake(
        6,
        "divides by the variance",
        F,
        (("centred, 1 / np.sqrt(var + eps)", "centred, 1 / (var + eps)"),),
        "output_ignores_the_scale_of_the_input",
    ),
    Mistake(
        7,
        "one-pass variance in float64",
        F,
        (("var = _total(centred**2) / n", "var = _total(x.astype(np.float64)**2) / n - mu**2"),),
        "large_mean_costs_no_accuracy",
    ),
    Mistake(
        7,
        "one-pass variance in the type of x",
        F,
        (
            ("mu = x.mean(axis=_axes(x), dtype=np.float64)", "mu = x.mean(axis=_axes(x))"),
            ("var = _total(centred**2) / n", "var = (x**2).mean(axis=_axes(x)) - mu**2"),
        ),
        "large_mean_costs_no_accuracy",
    ),
    Mistake(
        8,
        "statistics of an image over the batch axis only",
        F,
        (("return (0, *range(2, x.ndim))", "return (0,)"),),
        "every_pixel_counts_as_a_row",
    ),
    Mistake(
        8,
        "statistics over every axis but the last",
        F,
        (
            ("return (0, *range(2, x.ndim))", "return tuple(range(x.ndim - 1))"),
            ("return v.reshape(1, -1, *(1,) * (x.ndim - 2))", "return v"),
        ),
        "channels_are_axis_1_even_when_all_axes_are_of_equal_length",
    ),
    Mistake(
        9,
        "gamma along the last axis",
        F,
        (
            (
                "y = _spread(gamma, x) * x_hat + _spread(beta, x)\n"
                "    return y.astype(x.dtype), mu",
                "y = gamma * x_hat + _spread(beta, x)\n    return y.astype(x.dtype), mu",
            ),
        ),
        "channels_are_axis_1_even_when_all_axes_are_of_equal_length",
    ),
]

STATE = [
    Mistake(
        2,
        "biased variance into the running variance",
        N,
        (("running_var, var * (n / (n - 1)))", "running_var, var)"),),
        "running_statistics_after_one_batch_by_hand",
    ),
    Mistake(
        3,
        "momentum weighs the old value",
        N,
        (("running.lerp_(batch, momentum)", "running.lerp_(batch, 1 - momentum)"),),
        "running_statistics_after_one_batch_by_hand",
    ),
    Mistake(
        11,
        "statistics as Parameters",
        N,
        tuple(
            (
                REGISTERED.format(name),
                f'self.register_parameter("{name}", '
                "nn.Parameter(vector(), requires_grad=False) if track_running_stats else None)",
            )
            for name in BUFFERS
        ),
        "parameters_and_buffers_are_torchs",
    ),
    Mistake(
        12,
        "statistics as plain attributes",
        N,
        tuple(
            (REGISTERED.format(name), f"self.{name} = vector() if track_running_stats else None")
            for name in BUFFERS
        ),
        "either_layer_loads_the_others_state_dict",
    ),
    Mistake(
        13,
        "statistics not detached",
        N,
        (
            (
                "self._update(running_mean, mu)",
                "mu = x.mean([0, *range(2, x.dim())])\n"
                "            self.running_mean = torch.lerp(self.running_mean, mu, 0.1)",
            ),
        ),
        "running_statistics_hold_no_graph",
    ),
    Mistake(
        14,
        "statistics with a kept axis, (1, C)",
        F,
        (("mu.astype(x.dtype), var.astype(x.dtype)", "mu[None], var[None]"),),
        "outputs_are_shaped_like_x_and_statistics_like_channels",
    ),
    Mistake(
        14,
        "statistics with a kept axis, (1, C)",
        N,
        tuple(
            (REGISTERED.format(name), REGISTERED.format(name).replace("r() if", "r()[None] if"))
            for name in BUFFERS
        ),
        "parameters_and_buffers_are_torchs",
    ),
]

MODES = [
    Mistake(
        16,
        "batch statistics in evaluation",
        S,
        (
            (
                SCRATCH_EVAL,
                "            y, _, _ = batch_norm(x, self.gamma, self.beta, self.eps)\n",
            ),
        ),
        "evaluation_of_an_example_ignores_its_batchmates",
    ),
    Mistake(
        17,
        "statistics updated in evaluation",
        S,
        (
            (
                SCRATCH_EVAL,
                SCRATCH_EVAL
                + "            _, mu, var = batch_norm(x, self.gamma, self.beta, self.eps)\n"
                "            self._track(mu, var, values_per_channel(x))\n",
            ),
        ),
        "evaluation_changes_no_state",
    ),
    Mistake(
        16,
        "batch statistics in evaluation",
        N,
        ((NN_TRAINING, "training = True or ("),),
        "evaluation_of_an_example_ignores_its_batchmates",
    ),
    Mistake(
        17,
        "statistics updated in evaluation",
        N,
        (
            (
                "        if not training:\n",
                "        if not training and len(x) > 1:\n"
                "            _, mu, var = batch_norm(x, self.weight, self.bias, self.eps)\n"
                "            self._update(running_mean, mu)\n"
                "            self._update(running_var, var)\n"
                "        if not training:\n",
            ),
        ),
        "evaluation_changes_no_state_whatever_the_grad_mode",
    ),
    Mistake(
        18,
        "mode taken from grad-enabled",
        N,
        (
            (NN_TRAINING, "training = torch.is_grad_enabled() or ("),
            (NN_TRACK, "track = torch.is_grad_enabled() and self.track_running_stats"),
        ),
        "training_under_no_grad_is_still_training",
    ),
    Mistake(
        19,
        "train() not restored after a validation",
        "bnlib.modes",
        (
            (
                """            yield model
    finally:
        for module, mode in modes:
            module.training = mode
""",
                """            yield model
    finally:
        pass
""",
            ),
        ),
        "every_training_step_tracks_its_batch",
    ),
]

BACKWARD = [
    Mistake(
        21,
        "mu and var taken as constants, closed form",
        F,
        ((f"* {CLOSED_DX}", "* dy"),),
        "dx_sums_to_zero_in_every_channel",
    ),
    Mistake(
        21,
        "mu and var taken as constants, graph",
        F,
        (
            (GRAPH_DCENTRED, "dcentred = dx_hat * _spread(inv_std, x)\n"),
            (GRAPH_DX, "dx = dcentred\n"),
        ),
        "dx_sums_to_zero_in_every_channel",
    ),
    Mistake(
        22,
        "path through the mean missing, closed form",
        F,
        ((CLOSED_DX, "(dy - x_hat * _spread(dgamma / n, x))"),),
        "dx_sums_to_zero_in_every_channel",
    ),
    Mistake(
        22,
        "path through the mean missing, graph",
        F,
        ((GRAPH_DX, "dx = dcentred\n"),),
        "dx_sums_to_zero_in_every_channel",
    ),
    Mistake(
        23,
        "path through the variance missing, closed form",
        F,
        ((CLOSED_DX, "(dy - _spread(dbeta / n, x))"),),
        "dx_is_orthogonal_to_x_hat_up_to_eps",
    ),
    Mistake(
        23,
        "path through the variance missing, graph",
        F,
        ((GRAPH_DCENTRED, "dcentred = dx_hat * _spread(inv_std, x)\n"),),
        "dx_is_orthogonal_to_x_hat_up_to_eps",
    ),
    Mistake(
        24,
        "gamma left out, closed form",
        F,
        (("dx = _spread(gamma * inv_std, x) * (", "dx = _spread(inv_std, x) * ("),),
        "dx_is_proportional_to_gamma",
    ),
    Mistake(
        24,
        "gamma left out, graph",
        F,
        (("dx_hat = dy * _spread(gamma.astype(np.float64), x)", "dx_hat = dy"),),
        "dx_is_proportional_to_gamma",
    ),
    Mistake(
        25,
        "dgamma and dbeta averaged, closed form",
        F,
        ((f"* {CLOSED_DX}\n", f"* {CLOSED_DX}\n    dgamma, dbeta = dgamma / n, dbeta / n\n"),),
        "gradients_of_gamma_and_beta_are_sums_over_the_batch",
    ),
    Mistake(
        25,
        "dgamma and dbeta averaged, graph",
        F,
        ((GRAPH_DX, f"{GRAPH_DX}    dgamma, dbeta = dgamma / n, dbeta / n\n"),),
        "gradients_of_gamma_and_beta_are_sums_over_the_batch",
    ),
    Mistake(
        26,
        "n = N instead of N·H·W, closed form",
        F,
        ((CLOSED_DX, CLOSED_DX.replace("/ n", "/ len(x)")),),
        "every_pixel_counts_as_a_row",
    ),
    Mistake(
        26,
        "n = N instead of N·H·W, graph",
        F,
        (
            (GRAPH_DCENTRED, GRAPH_DCENTRED.replace("/ n", "/ len(x)")),
            (GRAPH_DX, GRAPH_DX.replace("/ n", "/ len(x)")),
        ),
        "every_pixel_counts_as_a_row",
    ),
    Mistake(
        27,
        "training formula in evaluation",
        S,
        (
            (
                "        if self.training:\n            return batch_norm_backward(",
                "        if True:\n            return batch_norm_backward(",
            ),
        ),
        "backward_differentiates_the_mode_of_the_last_forward",
    ),
    Mistake(
        27,
        "training formula in evaluation",
        "bnlib.nn.autograd",
        (("ctx.eps, ctx.fixed = eps, given is not None", "ctx.eps, ctx.fixed = eps, False"),),
        "evaluation_step_equals_torchs_in_all_shapes",
    ),
]

MISTAKES = [*FORWARD, *STATE, *MODES, *BACKWARD]
