"""PyTorch with an allocator that keeps its memory and asks for huge pages: children.py gives it glibc's settings for that.

Nobody has them by default, and the network is the same; they show whether PyTorch could do better with care.
"""

from tests.bench.contenders.training.pytorch import prepare

__all__ = ["prepare"]
