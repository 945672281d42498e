"""Top-K: users per second of exact batch scoring, ours beside the plain way, faiss too where it is installed.

python benchmarks/top_k.py [--users 4000] [--items 100000] [--dimension 64] [--k 100]
"""

from __future__ import annotations

import argparse

import torch
from measured import milliseconds, title

from reccl.evaluation import top_k
from reccl.scorers import Scorer


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    for name, default in (("users", 4000), ("items", 100_000), ("dimension", 64), ("k", 100), ("repeats", 3)):
        arguments.add_argument(f"--{name}", type=int, default=default)
    chosen = arguments.parse_args()
    torch.manual_seed(0)
    users, items = torch.randn(chosen.users, chosen.dimension), torch.randn(chosen.items, chosen.dimension)
    scorer, everybody = Scorer(users, items), torch.arange(chosen.users)

    def ours() -> torch.Tensor:
        return torch.cat([best for _, best, _ in top_k(scorer, everybody, chosen.k)])

    def plain() -> torch.Tensor:
        return torch.cat([torch.topk(part @ items.T, chosen.k).indices for part in users.split(1024)])

    ways = {"reccl (blocks in cache)": ours, "matmul + topk, 1,024 users at a time": plain}
    try:
        import faiss
    except ImportError:
        print("faiss is not installed, so IndexFlatIP is left out: pip install faiss-cpu")
    else:
        faiss.omp_set_num_threads(torch.get_num_threads())
        index = faiss.IndexFlatIP(chosen.dimension)
        index.add(items.numpy())
        ways[f"faiss {faiss.__version__} IndexFlatIP"] = lambda: torch.from_numpy(
            index.search(users.numpy(), chosen.k)[1]
        )
    print(title(f"{chosen.users:,} users x {chosen.items:,} items, D {chosen.dimension}, top {chosen.k}"))
    reference, base = plain(), None
    for name, way in ways.items():
        assert (way() == reference).float().mean() > 0.999, name
        rate = chosen.users / milliseconds(way, chosen.repeats, warmup=1) * 1000
        base = base or rate
        print(f"{name:42s} {rate:10,.0f} users/s  {rate / base:5.2f} x ours")


if __name__ == "__main__":
    main()
