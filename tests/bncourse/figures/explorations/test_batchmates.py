"""The figure of one image among different companions."""

import numpy as np
import torch

from bncourse.data import load
from bncourse.experiments.ch05_train_eval.trained import trained
from bncourse.figures.explorations import batchmates


def test_eval_mode_gives_one_answer_and_train_mode_many() -> None:
    in_eval, in_train = batchmates.answers("eval mode"), batchmates.answers("train mode")
    assert in_eval.shape == in_train.shape == (batchmates.DRAWS, 10)
    assert np.ptp(in_eval, axis=0).max() < 1e-5
    assert np.ptp(in_train, axis=0).max() > 0.5
    np.testing.assert_allclose(in_train.sum(1), 1, rtol=1e-5)


def test_the_text_says_what_the_network_answers_to_the_image_alone() -> None:
    net, data = trained(0).eval(), load()
    with torch.no_grad():
        row = net(data.test_x[batchmates.IMAGE : batchmates.IMAGE + 1]).softmax(1)[0]
    label = int(data.test_y[batchmates.IMAGE])
    text = batchmates.draw("eval mode", 3)[1]
    assert text.startswith("Eval mode, batch 3: your image is a ")
    assert f"gives {label} a probability of {float(row[label]):.2f}." in text


def test_a_wrong_answer_is_said() -> None:
    row = batchmates.answers("train mode")
    label = int(load().test_y[batchmates.IMAGE])
    wrong = [i for i in range(batchmates.DRAWS) if row[i].argmax() != label]
    assert wrong
    for batch in range(batchmates.DRAWS):
        text = batchmates.draw("train mode", batch + 1)[1]
        assert ("instead" in text) == (batch in wrong)
