"""Launch a training on several machines with Ray; `import kerasbridge.distributed` does not load Ray."""

from kerasbridge.distributed.trainer import ray_trainer as ray_trainer

__all__ = ("ray_trainer",)


def __dir__() -> tuple[str, ...]:
    return __all__
