"""Answers to exercise 2 in other styles."""

import math

import numpy as np

from tests.exercises.variants import right, wrong


@right("ex02.standardise")
def standardise_by_loops():
    def standardise(x):
        out = np.empty_like(x)
        rows, columns = x.shape
        for j in range(columns):
            values = [float(x[i, j]) for i in range(rows)]
            mean = sum(values) / rows
            sigma = math.sqrt(sum((v - mean) ** 2 for v in values) / rows)
            for i in range(rows):
                out[i, j] = (x[i, j] - mean) / sigma
        return out

    return standardise


@right("ex02.standardise")
def standardise_in_place_on_a_copy():
    def standardise(x):
        z = x.copy()
        z -= np.average(z, axis=0)
        z /= np.sqrt(np.einsum("nd,nd->d", z, z) / len(z))
        return z

    return standardise


@right("ex02.standardise")
def standardise_by_transposed_columns():
    def standardise(x):
        return np.array([(c - c.mean()) / c.std() for c in x.T]).T

    return standardise


@right("ex02.standardise")
def standardise_by_the_covariance():
    def standardise(x):
        ones = np.ones((len(x), 1))
        centred = x - ones @ (ones.T @ x) / len(x)
        covariance = centred.T @ centred / len(x)
        return centred @ np.diag(1 / np.sqrt(np.diag(covariance)))

    return standardise


@wrong("ex02.standardise", "the variance is divided by n − 1")
def standardise_by_the_sample_covariance():
    def standardise(x):
        return (x - x.mean(0)) / np.sqrt(np.diag(np.cov(x, rowvar=False)))

    return standardise


@wrong("ex02.standardise", "brackets missing around the difference")
def standardise_without_brackets():
    def standardise(x):
        mean, std = np.mean(x, axis=0), np.std(x, axis=0)
        return x - mean / std

    return standardise


@wrong("ex02.standardise", "the sum of squares in place of their mean")
def standardise_to_length_one():
    def standardise(x):
        centred = x - x.mean(axis=0)
        return centred / np.linalg.norm(centred, axis=0)

    return standardise


@wrong("ex02.standardise", "statistics per example")
def standardise_rows():
    def standardise(x):
        return np.stack([(row - row.mean()) / row.std() for row in x])

    return standardise


@wrong("ex02.standardise", "statistics per example, subtracted from the features")
def standardise_along_the_wrong_axis():
    def standardise(x):
        mean, std = np.mean(x, 1), np.std(x, 1)
        return (x - mean) / std

    return standardise


@wrong(
    "ex02.standardise",
    "one mean for all features",
    "one standard deviation for all features",
)
def standardise_all_numbers_together():
    def standardise(x):
        return (x - np.mean(x)) / np.std(x)

    return standardise


@wrong("ex02.standardise", "ε where none is asked for")
def standardise_with_epsilon():
    def standardise(x):
        centred = x - np.mean(x, axis=0)
        return centred * (np.mean(centred * centred, axis=0) + 1e-5) ** -0.5

    return standardise


@right("ex02.standardise_with")
def both_by_a_helper():
    def fit(data):
        mean = data.sum(axis=0) / len(data)
        sigma = (((data - mean) ** 2).sum(axis=0) / len(data)) ** 0.5
        return lambda other: (other - mean) / sigma

    def standardise_with(train, test):
        apply = fit(train)
        return apply(train), apply(test)

    return standardise_with


@right("ex02.standardise_with")
def both_at_once():
    def standardise_with(train, test):
        both = np.concatenate([train, test])
        both -= train.mean(0)
        both /= np.sqrt(np.var(train, 0))
        return both[: len(train)], both[len(train) :]

    return standardise_with


@right("ex02.standardise_with")
def both_by_loops():
    def standardise_with(train, test):
        results = [np.zeros(train.shape), np.zeros(test.shape)]
        for j in range(train.shape[1]):
            mean = np.einsum("n->", train[:, j]) / train.shape[0]
            spread = np.linalg.norm(train[:, j] - mean) / math.sqrt(train.shape[0])
            for data, result in zip((train, test), results, strict=True):
                for i, value in enumerate(data[:, j]):
                    result[i, j] = (value - mean) / spread
        return tuple(results)

    return standardise_with


@wrong("ex02.standardise_with", "the test data standardised with its own statistics")
def each_by_itself():
    def standardise_with(train, test):
        return tuple((data - np.mean(data, 0)) / np.std(data, 0) for data in (train, test))

    return standardise_with


@wrong("ex02.standardise_with", "statistics over train and test together")
def all_data_together():
    def standardise_with(train, test):
        both = np.vstack((train, test))
        both = (both - both.mean(0)) / both.std(0)
        return np.split(both, [len(train)])

    return standardise_with


@wrong("ex02.standardise_with", "the test data left as it was")
def statistics_after_scaling():
    def standardise_with(train, test):
        train = (train - train.mean(0)) / train.std(0)
        test = (test - train.mean(0)) / train.std(0)
        return train, test

    return standardise_with


@wrong(
    "ex02.standardise_with",
    "the test data standardised with its own statistics",
    "the variance is divided by n − 1",
)
def each_by_itself_with_the_sample_deviation():
    def standardise_with(train, test):
        def z(data):
            return (data - data.mean(axis=0)) / data.std(axis=0, ddof=1)

        return z(train), z(test)

    return standardise_with


@right("ex02.variance")
def variance_by_loops():
    def variance(x):
        result = np.zeros(x.shape[1], dtype=x.dtype)
        for j in range(x.shape[1]):
            mean = x[:, j].sum() / x.dtype.type(len(x))
            for value in x[:, j]:
                result[j] += (value - mean) ** 2
        return result / x.dtype.type(len(x))

    return variance


@right("ex02.variance")
def variance_shifted_by_the_first_example():
    def variance(x):
        d = x - x[0]  # any number near the values will do
        return np.mean(d * d, axis=0) - np.mean(d, axis=0) ** 2

    return variance


@right("ex02.variance")
def variance_by_running_updates():
    def variance(x):
        mean, total = x[0].copy(), np.zeros_like(x[0])
        for count, row in enumerate(x[1:], start=2):
            before = row - mean
            mean = mean + before / np.float32(count)
            total = total + before * (row - mean)
        return total / np.float32(len(x))

    return variance


@right("ex02.variance")
def variance_of_all_pairs():
    def variance(x):
        gaps = x[:, None] - x[None]
        return np.einsum("ijd,ijd->d", gaps, gaps) / np.float32(2 * len(x) ** 2)

    return variance


@wrong("ex02.variance", "the variance in one pass, E[x²] − E[x]²")
def variance_in_one_pass():
    def variance(x):
        total, squares = np.zeros_like(x[0]), np.zeros_like(x[0])
        for row in x:
            total += row
            squares += row**2
        return squares / len(x) - (total / len(x)) ** 2

    return variance


@wrong("ex02.variance", "the square of the mean in place of the mean of the squares")
def variance_squared_too_late():
    def variance(x):
        return np.mean(x - np.mean(x, axis=0), axis=0) ** 2

    return variance


@wrong("ex02.variance", "the standard deviation in place of the variance")
def variance_as_a_root():
    def variance(x):
        return np.linalg.norm(x - x.mean(0), axis=0) / np.float32(2)

    return variance


@right("ex02.remaining")
def remaining_step_by_step():
    size = 1.0
    for _ in range(5):
        size *= math.sqrt(0.5 * 50 * 0.01)
    return size


@right("ex02.remaining")
def remaining_rounded():
    return 0.0313


@wrong("ex02.remaining", "ReLU's half left out")
def remaining_of_a_linear_network():
    return math.sqrt(50 * 0.01) ** 5


@right("ex02.after_relu")
def after_relu_by_hand():
    return (1 + 9) / 5 / 4 - (4 / math.sqrt(5) / 4) ** 2


@wrong("ex02.after_relu", "the mean square in place of the variance")
def after_relu_by_the_rule_of_the_half():
    return 0.5


@right("ex02.shift")
def shift_said():
    return "c"


@wrong("ex02.shift", "a cause read into a correlation")
def shift_as_the_cause():
    return "a"


@wrong("ex02.standardise", "the squares of all features added up")
def standardise_by_a_sum_over_all():
    def standardise(x):
        centred = x - x.mean(0)
        return centred / (np.sum(centred * centred) / len(x)) ** 0.5

    return standardise
