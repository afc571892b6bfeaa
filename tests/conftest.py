"""What all tests share: one thread, a fixed backend, no stored results, reproducible examples."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["MPLBACKEND"] = "Agg"
os.environ.pop("BNCOURSE_RESULTS", None)  # a test measures, it does not look up

from hypothesis import settings

# derandomize: the examples are a function of the test, so that two runs agree
settings.register_profile("course", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("course")
