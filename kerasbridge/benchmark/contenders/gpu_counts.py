"""Counts on an NVIDIA card with PyTorch: launches of kernels and graphs, and the peak of products and of copies."""

import time

import torch

SIZE = 8192  # rows and columns of the matrices
REPEATS = 20


def launches(train):
    """Return how many kernels and how many graphs a call launches from the host.

    Args:
        train: a function without arguments.
    """
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        train()
    counts = {event.key: event.count for event in profile.key_averages()}
    kernels = sum(count for name, count in counts.items() if name.startswith(("cudaLaunchKernel", "cuLaunchKernel")))
    return {"kernels": kernels, "graphs": sum(counts.get(name, 0) for name in ("cudaGraphLaunch", "cuGraphLaunch"))}


def peaks():
    """Return the operations per second of a float32 product, and the bytes per second of a copy."""
    left, right = (torch.rand(SIZE, SIZE, device="cuda") for _ in range(2))
    product = torch.empty_like(left)
    product_seconds = seconds_of(lambda: torch.matmul(left, right, out=product))
    copy_seconds = seconds_of(lambda: product.copy_(left))
    return {"flops": 2 * SIZE**3 / product_seconds, "bytes": 2 * left.numel() * 4 / copy_seconds}


def seconds_of(function):
    """Return the seconds of a call, as the mean of many; the card is idle before and after."""
    function()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(REPEATS):
        function()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / REPEATS
