"""Laws of the argument checks: what passes is handed on, what does not is told why."""

import numpy as np
import pytest

from bnlib.checks import (
    check_eps,
    check_float,
    check_like,
    check_momentum,
    check_vector,
    check_x,
)

X = np.zeros((4, 3, 2))


def test_an_array_that_passes_is_handed_on_uncopied():
    v = np.ones(3)
    assert check_x(X) is X
    assert check_float("x", X) is X
    assert check_like("dy", X, np.ones_like(X)) is X
    assert check_vector("gamma", v, X) is v
    assert check_vector("batch", v, np.zeros(3)) is v
    assert check_vector("var", v) is v


def test_nested_lists_of_floats_are_arrays():
    assert check_x([[1.0, 2.0], [3.0, 4.0]]).dtype == np.float64
    with pytest.raises(TypeError, match="got int64"):
        check_x([[1, 2], [3, 4]])


def test_the_ends_of_the_allowed_ranges_pass():
    check_momentum(1)
    check_momentum(1e-9)
    check_eps(1e-300)
    for ndim in (2, 3, 4, 5):
        check_x(np.zeros((1,) * ndim))


@pytest.mark.parametrize(
    "check, rule, received, way_out",
    [
        (lambda: check_x(np.zeros(3)), "2 to 5 axes", "(3,)", "reshape"),
        (lambda: check_x(np.zeros((1,) * 6)), "2 to 5 axes", "(1, 1, 1, 1, 1, 1)", "reshape"),
        (lambda: check_x(np.zeros((4, 3), int)), "float32 or float64", "int64", "convert"),
        (lambda: check_like("dy", X[:1], X), "shape of x, (4, 3, 2)", "(1, 3, 2)", "pass"),
        (lambda: check_vector("gamma", X[0, 0], X), "shape (3,)", "(2,)", "axis 1"),
        (lambda: check_vector("gamma", X[:1, :, 0], X), "(C,)", "(1, 3)", "keepdims"),
        (lambda: check_vector("batch", X[0, 0], X[0, :, 0]), "shape (3,)", "(2,)", "axis 1"),
        (lambda: check_eps(0.0), "> 0", "0.0", "1e-5"),
        (lambda: check_momentum(2.0), "in (0, 1]", "2.0", "0.1"),
    ],
)
def test_an_error_tells_the_rule_the_value_received_and_the_way_out(check, rule, received, way_out):
    with pytest.raises((ValueError, TypeError)) as error:
        check()
    stated, _, advice = str(error.value).partition(f"got {received}")
    if not advice:  # the value may follow as "got shape ..."
        stated, _, advice = str(error.value).partition(f"got shape {received}")
    assert rule in stated
    assert way_out in advice
