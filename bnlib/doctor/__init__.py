"""A doctor for one's own models: faults of and around batch normalization, by name.

    from bnlib import doctor
    print(doctor.examine(model, loader, loss=nn.CrossEntropyLoss()))

Each finding says where, what was measured, what it costs in loss on the data, and the line that
mends it. `Report.to_dict()` is for programs, `Report.exit_status` for tests. A checkpoint alone:
``python -m bnlib.doctor checkpoint.pt``.

    examination     examine: the rounds, one after the other
    kinds           KINDS, the list of what a finding can be
    report          Finding, Cost, Report
    batches, lab, trace     read the loader; a copy of the model to measure on; one pass, watched
    moments         means and variances, pooled
    verdict         statistics taken anew, and the loss compared
    state, modes, structure, causes, training       the findings, by what tells them
    layers          which modules are batch normalization
"""

from bnlib.doctor.examination import examine
from bnlib.doctor.kinds import KINDS
from bnlib.doctor.report import Cost, Finding, Report

__all__ = ["KINDS", "Cost", "Finding", "Report", "examine"]
