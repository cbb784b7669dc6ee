"""Distributed training: one process, or several that `torchrun` started."""

import os
from dataclasses import dataclass

import torch
from torch import distributed, nn

from edgecl.errors import UsageError


@dataclass(frozen=True)
class ProcessGroup:
    """This process, number `rank` of `world`, and its `device`."""

    rank: int
    world: int
    device: torch.device

    @classmethod
    def join(cls, device: str) -> "ProcessGroup":
        """Initialise the process group if torchrun started this process.

        Args:
            device: "auto", "cpu" or "cuda".

        Raises:
            UsageError: the device does not exist.
        """
        has_cuda = torch.cuda.is_available()
        kind = ("cuda" if has_cuda else "cpu") if device == "auto" else device
        if kind not in ("cpu", "cuda") or (kind == "cuda" and not has_cuda):
            raise UsageError(f"there is no device '{device}' here", "omit --device, or use --device cpu")
        if kind == "cuda":
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
            torch.set_float32_matmul_precision("high")
        if "RANK" not in os.environ:
            return cls(0, 1, torch.device(kind))
        distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
        return cls(distributed.get_rank(), distributed.get_world_size(), torch.device(kind))

    @property
    def is_main(self) -> bool:
        """True for the process that writes files and reports progress."""
        return self.rank == 0

    @property
    def workers(self) -> int:
        """The number of processes that draw windows for this one: all cores for a GPU, one for a CPU."""
        return max(1, (os.cpu_count() or 1) // self.world - 1) if self.device.type == "cuda" else 1

    def batch_places(self, batch: int) -> range:
        """Return the places in a batch of `batch` windows that this process draws."""
        return range(self.rank, batch, self.world)

    def wrap_module(self, module: nn.Module) -> nn.Module:
        """Return a module whose gradients are averaged over all processes."""
        if self.world == 1:
            return module
        return nn.parallel.DistributedDataParallel(module, broadcast_buffers=False)

    def any_process(self, flag: bool) -> bool:
        """Return whether `flag` is true in any process; the result is the same in all of them."""
        if self.world == 1:
            return flag
        value = torch.tensor(float(flag), device=self.device)
        distributed.all_reduce(value, distributed.ReduceOp.MAX)
        return bool(value.item())

    def wait_for_all(self) -> None:
        """Wait until every process has called this method."""
        if self.world > 1:
            distributed.barrier()

    def close(self) -> None:
        """Leave the process group."""
        if self.world > 1:
            distributed.destroy_process_group()
