"""Fixtures of the doctor's tests."""

import copy

import pytest
import torch

from tests.bnlib.doctor.models import fit, network


@pytest.fixture(scope="session")
def _trained():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return fit(network())


@pytest.fixture
def net(_trained):
    """A trained network in eval mode."""
    return copy.deepcopy(_trained)


@pytest.fixture(autouse=True)
def _seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
