"""Peers: other libraries' methods beside ours, on the same rows, with the same budget, measured by `reccl evaluate`.

python benchmarks/peers.py --python PATH [--python PATH ...] [--data ml-100k] [--set data.split.seed=1] [--seeds 3]
    [--peers implicit cornac my_peer.py] [--methods ease als] [--trials 10] [--minutes 30] [--threads 1] [--out FOLDER]

PATH is the Python of an environment that holds libraries, such as that of `python -m venv V && V/bin/pip install
implicit==0.7.3 lenskit==2025.8.1 cornac==3.0.1 irspack==0.5.2`, and another of `rectools==0.19.0`, which needs an older
NumPy. What none of them has is named with the reason; without --python the Python that runs this is looked in.

Every library gets the same pairs of ids: those of train to tune on validation, those of train and validation for what
is measured on test. Each method is fitted as it is, and with the settings that were best on validation (NDCG@20) of the
defaults and --trials random draws from the values in its file, benchmarks/peer/from_NAME.py; what takes longer than
--minutes is ended, and the trials that were finished count. Ours are the bundled configs on the same pairs, without
features; those that choose epochs or weights on validation do so, and all are trained again on both parts: both fits
are in the seconds. What depends on chance is fitted with --seeds seeds. Each final fit is a process of its own, whose
memory is its peak, libraries included. Test pairs stay in this process. What is finished stays in --out, so that the
same command goes on; there are also all trials (trials.csv), the lists as Parquet, and the table (table.md).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import polars as pl
from measured import title

sys.path.insert(0, str(Path(__file__).parent / "peer"))

from board import AS_IS, BOTH, MAIN, TUNED, Row, write_board, write_settings
from processes import Budget, Peer, find_peer, fit
from protocol import Protocol
from tuning import Trial, best_of, tune

OURS = "reccl"
PEERS = ("implicit", "lenskit", "rectools", "cornac", "irspack")
SEED = 42


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--python", action="append", default=[], help="a Python that has libraries; may be repeated")
    arguments.add_argument("--data", default="ml-100k", help="a data set or config, as for reccl evaluate")
    arguments.add_argument("--set", action="append", default=[], help="a key of it, such as data.split.seed=1")
    arguments.add_argument("--peers", nargs="*", default=PEERS, help="libraries, or files like those of peer/")
    arguments.add_argument("--methods", nargs="*", default=[], help="only these, such as ease or reccl/best")
    arguments.add_argument("--trials", type=int, default=10, help="random trials of each method, beside its defaults")
    arguments.add_argument("--minutes", type=float, help="most minutes of a method's tuning, and of each final fit")
    arguments.add_argument("--seeds", type=int, default=3, help="seeds of the final fits of what depends on chance")
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--out", type=Path, help="default: mlruns/peers/DATA")
    chosen = arguments.parse_args()
    out = (chosen.out or Path("mlruns", "peers", Path(chosen.data).stem)).resolve()
    protocol, budget = Protocol.of(chosen.data, chosen.set, out), Budget(chosen.threads, chosen.minutes)
    pythons = chosen.python or [sys.executable]
    peers = [find_peer(OURS, [sys.executable], budget), *(find_peer(name, pythons, budget) for name in chosen.peers)]
    for peer in peers:
        print(f"{peer.name}: {peer.version or f'not installed: {peer.missing}'}", flush=True)
    if chosen.peers and all(peer.missing for peer in peers[1:]):
        print("no library is here to stand beside ours: name the Python that has some, --python PATH")
        return
    rows: list[Row] = []
    trials: list[Trial] = []
    for peer in peers:
        for name in peer.methods if not peer.missing else ():
            if not chosen.methods or {name, f"{peer.name}/{name}"} & {*chosen.methods}:
                folder = out / peer.name / name
                trials += tune(protocol, peer, name, chosen.trials, SEED, budget, MAIN, folder / "tuning")
                rows += measure(protocol, peer, name, trials, chosen.seeds, budget, folder)
    table = [{**asdict(one), "settings": write_settings(one.settings)} for one in trials]
    pl.DataFrame(table, infer_schema_length=None).write_csv(out / "trials.csv")
    about = f"peers on {chosen.data}, {chosen.trials} trials; workers with {chosen.threads} thread(s)"
    board = write_board(title(about), rows, peers, OURS)
    (out / "table.md").write_text(board)
    print(f"\n{board}\ntable.md, trials.csv and all lists (Parquet): {out}")


def measure(
    protocol: Protocol, peer: Peer, name: str, trials: list[Trial], seeds: int, budget: Budget, folder: Path
) -> list[Row]:
    """The method as it is and as validation chose, fitted to train and validation rows, measured on test."""
    mine = [one for one in trials if (one.library, one.method) == (peer.name, name)]
    best = best_of(mine)
    if best is None:
        return [Row(peer.name, name, AS_IS, {}, None, error=mine[0].error)]
    choices = {AS_IS: mine[0], TUNED: best} if best.settings else {BOTH if len(mine) > 1 else AS_IS: best}
    found = []
    for choice, trial in choices.items():
        row = fit_again(protocol, peer, name, choice, trial, seeds, budget, folder)
        print(f"{peer.name} {name}: {row.describe()}", flush=True)
        found.append(row)
    return found


def fit_again(
    protocol: Protocol, peer: Peer, name: str, choice: str, trial: Trial, seeds: int, budget: Budget, folder: Path
) -> Row:
    """A final fit with every seed, each in a process of its own."""
    runs, fit_s, score_s, peaks = [], [], [], []
    for seed in range(SEED, SEED + (seeds if peer.methods[name].chance else 1)):
        place = folder / f"{choice.split(' (')[0].replace(' ', '-')}-{seed}"
        fitted = fit(peer, name, [trial.settings], protocol, place, final=True, seed=seed, budget=budget)
        (lists,), (done,) = fitted.lists, fitted.done
        if lists is None:
            return Row(peer.name, name, choice, trial.settings, trial.validation, error=done["error"])
        runs.append(protocol.measure(lists, "test", place / "lists.parquet"))
        fit_s.append(done["fit_s"])
        score_s.append(done["score_s"])
        peaks.append(fitted.peak_gib)
    return Row(peer.name, name, choice, trial.settings, trial.validation, runs, fit_s, score_s, peaks)


if __name__ == "__main__":
    main()
