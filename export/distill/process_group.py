"""One process, or several that `torchrun` started and that train one network together."""

import os
from dataclasses import dataclass

import torch
from torch import distributed, nn

from edgecl.errors import UsageError


@dataclass(frozen=True)
class Ranks:
    """This process among all of them: number `rank` of `world`, on its `device`."""

    rank: int
    world: int
    device: torch.device

    @classmethod
    def join(cls, device: str) -> "Ranks":
        """Meet the other processes, if torchrun started this one; `device` is "auto", "cpu" or "cuda".

        Raises:
            UsageError: there is no such device.
        """
        usable = torch.cuda.is_available()
        kind = ("cuda" if usable else "cpu") if device == "auto" else device
        if kind not in ("cpu", "cuda") or (kind == "cuda" and not usable):
            raise UsageError(f"there is no device '{device}' here", "leave --device out, or say --device cpu")
        if kind == "cuda":
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
            torch.set_float32_matmul_precision("high")
        if "RANK" not in os.environ:
            return cls(0, 1, torch.device(kind))
        distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
        return cls(distributed.get_rank(), distributed.get_world_size(), torch.device(kind))

    @property
    def leads(self) -> bool:
        """Whether this process writes files and tells how far the work is."""
        return self.rank == 0

    @property
    def workers(self) -> int:
        """Processes that draw windows for this one: a GPU wants all cores, a CPU needs them itself."""
        return max(1, (os.cpu_count() or 1) // self.world - 1) if self.device.type == "cuda" else 1

    def mine(self, batch: int) -> range:
        """The places in a batch that this process draws."""
        return range(self.rank, batch, self.world)

    def share(self, module: nn.Module) -> nn.Module:
        """The module, its gradients averaged over all processes."""
        if self.world == 1:
            return module
        return nn.parallel.DistributedDataParallel(module, broadcast_buffers=False)

    def any(self, mine: bool) -> bool:
        """Whether it is true of any process: all of them then do the same."""
        if self.world == 1:
            return mine
        flag = torch.tensor(float(mine), device=self.device)
        distributed.all_reduce(flag, distributed.ReduceOp.MAX)
        return bool(flag.item())

    def wait(self) -> None:
        """Until every process has come here."""
        if self.world > 1:
            distributed.barrier()

    def leave(self) -> None:
        """Part from the others."""
        if self.world > 1:
            distributed.destroy_process_group()
