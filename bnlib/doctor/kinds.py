"""The kinds of findings: the list that `Finding.kind` is from, and what each means."""

KINDS: dict[str, str] = {
    # running statistics
    "statistics-not-finite": "running statistics hold NaN, inf or a negative variance",
    "statistics-never-updated": "running statistics are still mean 0, variance 1",
    "statistics-misfit": "running statistics do not fit the data, and the loss pays for it",
    "momentum-too-slow": "much of the running statistics is still their start, 0 and 1",
    "momentum-keras": "momentum is the weight of the new batch here, of the old in Keras",
    "data-shift": "the data differs from what the first layer has seen",
    "data-not-finite": "a batch of the loader holds NaN or inf",
    "half-precision-statistics": "running statistics are kept in float16 or bfloat16",
    "buffers-missing": "a checkpoint lacks the running statistics of a layer",
    "ema-without-buffers": "averaged weights run with statistics of other weights",
    # modes
    "train-mode-at-evaluation": "a layer normalises with the batch while the model evaluates",
    "eval-mode-in-training": "a layer keeps its statistics while layers before it move",
    "frozen-by-half": "parameters are frozen, but the statistics move",
    # structure
    "layer-used-twice": "one layer normalises at several places with one set of statistics",
    "double-normalisation": "a norm layer takes what another norm layer gives",
    "bias-before-norm": "a bias that batch normalization subtracts again",
    "norm-at-output": "the model ends with batch normalization",
    "dropout-before-norm": "dropout changes the variance that the layer meets in training",
    # channels
    "gamma-dead": "gamma is 0 or tiny: the layer gives beta, whatever comes",
    "channel-without-spread": "a channel has the same value in all the data",
    "eps-dominates": "eps is larger than the variance: the output is not normalised",
    # training
    "batch-too-small": "too few values per channel in a batch of training",
    "last-batch-of-one": "the last batch of an epoch has one value per channel",
    "accumulation-unseen": "gradients are accumulated, statistics are not",
    "replicas-unsynchronised": "each replica takes statistics of its own part of the batch",
    "weight-decay-on-norm": "the optimizer decays gamma or beta",
    # told, not blamed
    "frozen-batch-norm": "a layer that never takes statistics, by design",
    "no-running-statistics": "a layer that takes the statistics of the batch in evaluation too",
    "lazy-layer": "a layer that takes its size from the first batch, and has seen none",
}
