"""What the chapters import: data, networks, training, experiments, figures, sentences.

data            digits, and torchvision's sets on request
models          BNNet, MLP, SmallCNN, ResNet
training        fit and fit_many; recording: watching layers from inside
evidence        claim, interval, verdict; prose: measured numbers to sentences
ledger          all claims together: as data, and which verdicts stand
experiments     one function per claim of the lecture notes, a folder per chapter
figures         arrays to figures: plots, diagrams, colours, frames, interactive figures
"""
