"""Answers to exercise 8 in other styles."""

import math
import statistics

import numpy as np

from tests.exercises.variants import right, wrong


@right("ex08.steps")
def steps_by_a_mask():
    def steps_to_reach(losses, target):
        found = np.flatnonzero(np.asarray(losses) <= target)
        return found[0] + 1 if found.size else None

    return steps_to_reach


@right("ex08.steps")
def steps_by_a_generator():
    def steps_to_reach(losses, target):
        return next((i for i, loss in enumerate(losses, 1) if loss <= target), None)

    return steps_to_reach


@right("ex08.steps")
def steps_by_while():
    def steps_to_reach(losses, target):
        step = 0
        while step < len(losses):
            step += 1
            if not np.isnan(losses[step - 1]) and losses[step - 1] <= target:
                return step

    return steps_to_reach


@right("ex08.steps")
def steps_by_the_running_minimum():
    def steps_to_reach(losses, target):
        lowest = np.fmin.accumulate(losses)
        late = int((~(lowest <= target)).sum())
        return None if late == len(losses) else late + 1

    return steps_to_reach


@wrong("ex08.steps", "steps counted from 0", "a loss exactly at the target does not count")
def steps_with_two_mistakes():
    def steps_to_reach(losses, target):
        for i in range(len(losses)):
            if losses[i] < target:
                return i
        return None

    return steps_to_reach


@wrong("ex08.steps", "the last step at the target")
def steps_without_a_break():
    def steps_to_reach(losses, target):
        step = None
        for i, loss in enumerate(losses):
            if loss <= target:
                step = i + 1
        return step

    return steps_to_reach


@wrong("ex08.steps", "NaN counts as reached")
def steps_while_above():
    def steps_to_reach(losses, target):
        step = 0
        while step < len(losses) and losses[step] > target:
            step += 1
        return step + 1 if step < len(losses) else None

    return steps_to_reach


@right("ex08.compare")
def compare_by_loops():
    def compare(plain, bn, rates, worst):
        def best(table):
            found = (math.inf, None)
            for rate, row in zip(rates, table, strict=True):
                total = 0.0
                for loss in row:
                    total += worst if math.isnan(loss) else float(loss)
                found = min(found, (total / len(row), float(rate)))
            return found

        (loss_plain, rate_plain), (loss_bn, rate_bn) = best(plain), best(bn)
        return rate_plain, rate_bn, loss_plain - loss_bn

    return compare


@right("ex08.compare")
def compare_by_stacking():
    def compare(plain, bn, rates, worst):
        means = np.nan_to_num(np.stack([plain, bn]), nan=worst).mean(-1)
        best = means.argmin(1)
        lowest = np.take_along_axis(means, best[:, None], axis=1)[:, 0]
        return (*rates[best], lowest[0] - lowest[1])

    return compare


@right("ex08.compare")
def compare_by_sorting():
    def compare(plain, bn, rates, worst):
        answers = []
        for table in (plain.copy(), bn.copy()):
            table[np.isnan(table)] = worst
            means = dict(zip(rates, table.sum(axis=1) / table.shape[1], strict=True))
            answers.append(sorted(means.items(), key=lambda item: item[1])[0])
        return [answers[0][0], answers[1][0], answers[0][1] - answers[1][1]]

    return compare


@wrong("ex08.compare", "the same rate for both")
def compare_at_the_rate_of_plain():
    def compare(plain, bn, rates, worst):
        tables = [np.nan_to_num(t, nan=worst) for t in (plain, bn)]
        i = int(np.argmin(tables[0].mean(axis=1)))
        return rates[i], rates[i], np.mean(tables[0][i] - tables[1][i])

    return compare


@wrong("ex08.compare", "diverged runs are left out")
def compare_by_nanmean():
    def compare(plain, bn, rates, worst):
        one, two = np.nanmean(plain, axis=1), np.nanmean(bn, axis=1)
        return rates[one.argmin()], rates[two.argmin()], one.min() - two.min()

    return compare


@wrong("ex08.compare", "the luckiest seed decides", "the gain with the wrong sign")
def compare_with_two_mistakes():
    def compare(plain, bn, rates, worst):
        one, two = np.nanmin(plain, axis=1), np.nanmin(bn, axis=1)
        return rates[one.argmin()], rates[two.argmin()], two.min() - one.min()

    return compare


@right("ex08.others")
def others_by_masks():
    def judged_losses(losses, worst):
        table = losses.copy()
        table[np.isnan(table)] = worst
        seeds = np.arange(table.shape[1])
        chosen = [table[:, seeds != seed].mean(axis=1).argmin() for seed in seeds]
        return table[chosen, seeds]

    return judged_losses


@right("ex08.others")
def others_by_plain_python():
    def judged_losses(losses, worst):
        rows = [[worst if loss != loss else loss for loss in row] for row in losses.tolist()]
        answers = []
        for j in range(len(rows[0])):
            means = [statistics.fmean(row[:j] + row[j + 1 :]) for row in rows]
            answers.append(rows[means.index(min(means))][j])
        return np.array(answers)

    return judged_losses


@right("ex08.others")
def others_by_a_matrix():
    def judged_losses(losses, worst):
        table = np.nan_to_num(losses, nan=worst)
        n = table.shape[1]
        means = table @ (1 - np.eye(n)) / (n - 1)
        return np.choose(means.argmin(0), table)

    return judged_losses


@wrong("ex08.others", "the seed helps to choose its own rate")
def others_with_all_seeds():
    def judged_losses(losses, worst):
        table = np.nan_to_num(losses, nan=worst)
        return table[table.mean(axis=1).argmin()]

    return judged_losses


@wrong("ex08.others", "each seed picks the rate that suits it")
def others_by_the_lowest():
    def judged_losses(losses, worst):
        return np.nan_to_num(losses, nan=worst).min(axis=0)

    return judged_losses


@right("ex08.interval")
def interval_by_hand():
    def paired_interval(a, b, t):
        d = [float(x - y) for x, y in zip(a, b, strict=True)]
        n = len(d)
        mean = sum(d) / n
        squares = sum((v - mean) ** 2 for v in d)
        half = t * math.sqrt(squares / (n - 1) / n)
        return mean, mean - half, mean + half

    return paired_interval


@right("ex08.interval")
def interval_by_the_standard_library():
    def paired_interval(a, b, t):
        d = (a - b).tolist()
        error = statistics.stdev(d) * len(d) ** -0.5
        return tuple(statistics.fmean(d) + sign * t * error for sign in (0, -1, 1))

    return paired_interval


@right("ex08.interval")
def interval_by_the_covariance():
    def paired_interval(a, b, t):
        covariance = np.cov(a, b)
        variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
        mean = a.mean() - b.mean()
        ends = mean + t * np.sqrt(variance / a.size) * np.array([-1.0, 1.0])
        return [mean, *ends]

    return paired_interval


@wrong("ex08.interval", "the two arms are not paired")
def interval_of_two_samples():
    def paired_interval(a, b, t):
        n = len(a)
        mean = a.mean() - b.mean()
        half = t * math.sqrt(np.std(a, ddof=1) ** 2 / n + np.std(b, ddof=1) ** 2 / n)
        return mean, mean - half, mean + half

    return paired_interval


@wrong("ex08.interval", "s divided by n in place of n − 1", "1.96 in place of t")
def interval_with_two_mistakes():
    def paired_interval(a, b, t):
        d = np.subtract(a, b)
        mean = np.average(d)
        s = np.sqrt(np.average((d - mean) ** 2))
        half = 1.96 * s / np.sqrt(d.size)
        return mean, mean - half, mean + half

    return paired_interval


@right("ex08.verdict")
def verdict_by_counting_the_ends():
    def verdict(low, high, bound):
        above = sum(end > bound for end in (low, high))
        return ("not supported", "inconclusive", "supported")[above]

    return verdict


@right("ex08.verdict")
def verdict_from_the_middle_case():
    def verdict(low, high, bound):
        if low <= bound < high:
            return "inconclusive"
        elif high > bound:
            return "supported"
        else:
            return "not supported"

    return verdict


@right("ex08.verdict")
def verdict_by_match():
    def verdict(low, high, bound):
        match (low > bound, high > bound):
            case (True, _):
                return "supported"
            case (False, True):
                return "inconclusive"
        return "not supported"

    return verdict


@wrong("ex08.verdict", "inconclusive called not supported")
def verdict_without_doubt():
    def verdict(low, high, bound):
        return "supported" if low > bound else "not supported"

    return verdict


@wrong("ex08.verdict", "the bound taken as 0")
def verdict_by_the_sign():
    def verdict(low, high, bound):
        if low > 0:
            return "supported"
        return "inconclusive" if high > 0 else "not supported"

    return verdict


@right("ex08.effective_rate")
def rate_by_the_norm():
    def effective_rate(rate, weight):
        return rate / np.linalg.norm(weight) ** 2

    return effective_rate


@right("ex08.effective_rate")
def rate_by_a_dot_product():
    def effective_rate(rate, weight):
        w = weight.ravel()
        return rate / (w @ w)

    return effective_rate


@right("ex08.effective_rate")
def rate_by_a_loop():
    def effective_rate(rate, weight):
        total = 0.0
        for w in weight.flat:
            total += w * w
        return rate / total

    return effective_rate


@wrong("ex08.effective_rate", "the norm without its square")
def rate_by_the_plain_norm():
    def effective_rate(rate, weight):
        return rate / np.linalg.norm(weight.ravel())

    return effective_rate


@wrong("ex08.effective_rate", "the largest singular value")
def rate_by_the_wrong_norm():
    def effective_rate(rate, weight):
        return rate / np.linalg.norm(weight, 2) ** 2

    return effective_rate


@wrong("ex08.steps", "the first of an empty list")
def steps_by_the_first_of_a_list():
    def steps_to_reach(losses, target):
        return np.where(losses <= target)[0][0] + 1

    return steps_to_reach


@wrong("ex08.steps", "the search runs past the last step")
def steps_by_a_loop_without_an_end():
    def steps_to_reach(losses, target):
        step = 1
        while losses[step - 1] > target:
            step += 1
        return step

    return steps_to_reach


@wrong("ex08.compare", "the gain at the rate of the plain network")
def compare_with_one_row_for_the_gain():
    def compare(plain, bn, rates, worst):
        p, b = (np.nan_to_num(table, nan=worst).mean(1) for table in (plain, bn))
        return rates[p.argmin()], rates[b.argmin()], (p - b)[p.argmin()]

    return compare


@wrong("ex08.compare", "NaN is left in the table of BN")
def compare_with_one_table_mended():
    def compare(plain, bn, rates, worst):
        p, b = np.nan_to_num(plain, nan=worst).mean(1), bn.mean(1)
        return rates[p.argmin()], rates[b.argmin()], p.min() - b[b.argmin()]

    return compare


@wrong("ex08.others", "NaN is reported")
def others_from_the_table_as_it_was():
    def judged_losses(losses, worst):
        full = np.nan_to_num(losses, nan=worst)
        rest = full.sum(axis=1, keepdims=True) - full
        return np.array([losses[row, j] for j, row in enumerate(rest.argmin(axis=0))])

    return judged_losses


@wrong("ex08.others", "averaged over the whole table")
def others_by_one_mean():
    def judged_losses(losses, worst):
        full = np.where(np.isnan(losses), worst, losses)
        rows = [np.delete(full, j, axis=1).mean().argmin() for j in range(full.shape[1])]
        return np.array([full[row, j] for j, row in enumerate(rows)])

    return judged_losses


@wrong("ex08.interval", "the spread of one arm")
def interval_by_the_first_arm():
    def paired_interval(a, b, t):
        middle = a.mean() - b.mean()
        reach = t * np.std(a, ddof=1) / len(a) ** 0.5
        return middle, middle - reach, middle + reach

    return paired_interval


@wrong("ex08.verdict", "an interval that begins at the bound called not supported")
def verdict_by_a_chain():
    def verdict(low, high, bound):
        if low < bound < high:
            return "inconclusive"
        return "supported" if low > bound else "not supported"

    return verdict
