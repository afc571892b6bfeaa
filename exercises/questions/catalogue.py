"""Common mistakes with batch normalization, numbered, in our words: what the bank must know."""

COMMON_MISTAKES: dict[int, str] = {
    1: "the normaliser divides by n − 1",
    2: "the running variance takes the biased variance",
    3: "momentum weighs the old value",
    4: "ε outside the root",
    5: "no ε",
    6: "divided by the variance",
    7: "variance in one pass, E[x²] − E[x]²",
    8: "statistics over the wrong axes of an image",
    9: "γ and β on the wrong axis",
    10: "(N, L, C) taken for (N, C, L)",
    11: "running statistics registered as parameters",
    12: "running statistics as plain attributes, missing from the state",
    13: "running statistics that carry the graph of every step",
    14: "statistics that keep the averaged axes",
    15: "evaluated before the running statistics have arrived",
    16: "batch statistics in evaluation",
    17: "statistics updated in evaluation",
    18: "the mode taken from whether gradients are on",
    19: "training mode not restored after validation",
    20: "no_grad taken for evaluation mode",
    21: "μ and σ taken as constants in the backward pass",
    22: "the path through the mean is missing",
    23: "the path through the variance is missing",
    24: "γ left out of the backward pass",
    25: "gradients of γ and β averaged",
    26: "n taken as N where it is N·H·W",
    27: "the training formula used in the backward pass of evaluation",
    28: "a gradient tested with ones upstream",
    29: "frozen by requires_grad alone: the statistics move on",
    30: "frozen by eval(), undone by the next train()",
    31: "statistics frozen, but γ and β still learn",
    32: "accumulated gradients taken for a large batch",
    33: "each device with statistics of its own",
    34: "folding that forgets to scale the layer's own bias",
    35: "a last batch of one example",
    36: "a bias in front of batch normalization",
}

# Those that exercises must name: of the others, 35 is an error of PyTorch itself and 36 costs
# parameters and nothing else; some exercises name them all the same.
NAMED = (*range(1, 32), 34)
