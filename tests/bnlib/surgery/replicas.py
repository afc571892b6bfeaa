"""What four replicas compute together: run as a program, it writes a file for each rank.

python -m tests.bnlib.surgery.replicas folder
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing import start_processes
from torch.nn.parallel import DistributedDataParallel

from bnlib import surgery
from tests.bnlib.surgery.nets import FAMILIES, normal, randomised

REPLICAS = 4
SHARDS = {"unequal": (3, 1, 2, 5), "empty": (4, 0, 1, 2)}


class Net(nn.Module):
    """A residual network with layers for images and for vectors."""

    def __init__(self, family: Any) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3), family.BatchNorm2d(4))
        self.conv, self.bn = nn.Conv2d(4, 4, 3, padding=1), family.BatchNorm2d(4, momentum=None)
        self.head = nn.Sequential(nn.Linear(4, 5), family.BatchNorm1d(5, affine=False))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu()
        return self.head((x + self.bn(self.conv(x))).mean((2, 3)))


CASES: dict[str, tuple[Any, tuple[int, ...]]] = {
    "vectors": (lambda family: family.BatchNorm1d(3), (3,)),
    "sequences": (lambda family: family.BatchNorm1d(3, momentum=None), (3, 4)),
    "volumes": (lambda family: family.BatchNorm3d(3, affine=False), (3, 2, 3, 2)),
    "untracked": (lambda family: family.BatchNorm2d(3, track_running_stats=False), (3, 4, 5)),
    "net": (Net, (3, 6, 6)),
}


def build(family: str, case: str) -> Any:
    return randomised(CASES[case][0](FAMILIES[family]))


def data(case: str, shards: str) -> tuple[Tensor, Tensor]:
    """The whole batch, and the weights of the loss on its outputs."""
    n, shape = sum(SHARDS[shards]), CASES[case][1]
    return 3 + 2 * normal(n, *shape), normal(n, *((5,) if case == "net" else shape), seed=1)


def train(model: nn.Module, x: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Two steps forward, one backward: outputs, gradients of inputs and parameters, buffers."""
    model.train()
    model(x / 2)
    x = x.clone().requires_grad_()
    y = model(x)
    (y * weights).sum().backward()
    grads = {f"d{name}": p.grad for name, p in model.named_parameters()}
    return {"y": y.detach(), "dx": x.grad, **grads, **dict(model.named_buffers())}


def refusals(rank: int) -> dict[str, str]:
    """What is refused where replicas are many."""
    said = {}
    layer = surgery.synchronise(nn.BatchNorm1d(3)).model.train()
    before = {k: v.clone() for k, v in layer.state_dict().items()}
    for name, x in (("one", torch.ones(int(rank == 2), 3)), ("channels", torch.ones(2, 4))):
        try:
            layer(x)
        except (ValueError, RuntimeError) as error:
            said[name] = f"{type(error).__name__}: {error}"
    said["moved"] = str(any(not torch.equal(v, before[k]) for k, v in layer.state_dict().items()))
    model = nn.Sequential(nn.BatchNorm1d(3), nn.SyncBatchNorm(3), nn.BatchNorm1d(3))
    surgery.split_statistics(model[2], 4)
    said["report"] = str(surgery.synchronise(model))
    return said


def replica(rank: int, folder: str) -> None:
    """Compute every case on this rank's shards."""
    torch.set_num_threads(1)
    store = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=REPLICAS)
    calls, all_reduce = [], dist.all_reduce

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        return all_reduce(*args, **kwargs)

    result: dict[str, Any] = {}
    for family in FAMILIES:
        for case in CASES:
            for shards, sizes in SHARDS.items():
                x, weights = (t.split(sizes)[rank] for t in data(case, shards))
                model = surgery.synchronise(build(family, case)).model
                result[f"{family} {case} {shards}"] = train(model, x, weights)

    dist.all_reduce = counted
    model = surgery.synchronise(build("torch", "net")).model.train()
    x, weights = (t.split(SHARDS["unequal"])[rank] for t in data("net", "unequal"))
    y = model(x)
    forward = len(calls)
    (y * weights).sum().backward()
    result["calls"] = forward, len(calls) - forward
    surgery.reestimate(model, [x.repeat(2, 1, 1, 1)] * (1 + rank))
    model.eval()(x)
    result["calls in evaluation"] = len(calls) - sum(result["calls"])
    dist.all_reduce = all_reduce

    pairs = [dist.new_group([0, 1]), dist.new_group([2, 3])]
    x, weights = (t.split(SHARDS["unequal"])[rank] for t in data("vectors", "unequal"))
    model = surgery.synchronise(build("torch", "vectors"), pairs[rank // 2]).model
    result["group"] = train(model, x, weights)

    equal = data("net", "empty")[0][:4], data("net", "empty")[1][:4]
    replicated = DistributedDataParallel(surgery.synchronise(build("bnlib", "net")).model)
    result["ddp"] = train(replicated, *(t[rank : rank + 1] for t in equal))

    wide = (1e4 + 0.01 * normal(64, 3)).float()
    layer = surgery.synchronise(nn.BatchNorm1d(3, momentum=1.0)).model
    layer(wide.tensor_split(REPLICAS)[rank])
    result["large mean"] = layer.running_var

    half = surgery.synchronise(nn.BatchNorm1d(3)).model
    x, weights = (t.split(SHARDS["unequal"])[rank].bfloat16() for t in data("vectors", "unequal"))
    result["half"] = train(half, x, weights)
    result["refusals"] = refusals(rank)
    torch.save(result, Path(folder, f"{rank}.pt"))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    import torch._dynamo  # which DistributedDataParallel would import in every process

    start_processes(replica, (sys.argv[1],), nprocs=REPLICAS, start_method="fork")
