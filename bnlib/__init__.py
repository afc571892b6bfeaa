"""Batch normalization from scratch: the code behind the chapters.

The address of a thing is its import line, for instance
``from bnlib.functional import batch_norm``. What is where, each building only on what stands
above it:

    functional, checks           NumPy functions: forward, backward, running statistics
    scratch                      the NumPy layer with state
    nn, autograd, kernels, ...   the torch layers, drop-ins for torch's, and `convert`
    norms, inspection            other normalisations by one rule; a check of a model's BN layers
    data                         digits, and torchvision's sets on request
    models                       BNNet, MLP, SmallCNN, ResNet
    training, recording          fit and fit_many; watching layers from inside
    evidence                     claim, interval, verdict
    plots, diagrams, prose       arrays to figures; measured numbers to sentences
    experiments                  one function per claim of the lecture notes
"""

__version__ = "0.1.0"
