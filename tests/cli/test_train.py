"""`reccl train` trains, says how it went, and refuses what cannot work in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import reccl
from reccl.progress import TerminalProgress


def config(name: str = "planted.yaml", *overrides: str) -> tuple[str, ...]:
    return ("--config", name, *(word for override in overrides for word in ("--set", override)))


class TestResults:
    def test_people_get_a_table_and_the_run(self, shop) -> None:
        answer = shop("train", *config())
        assert answer.code == 0
        assert "planted: best epoch " in answer.out
        assert "ndcg_at_10" in answer.out
        assert "peak memory" in answer.out
        run = answer.out.splitlines()[-1]
        assert run.startswith("run ")
        assert "epoch 1/2  loss " in answer.err
        assert "200 users x 120 items" in answer.err

    def test_scripts_get_json_on_stdout_alone(self, shop) -> None:
        (outcome,) = json.loads(shop("train", *config(), "--json").out)
        assert set(outcome) == {
            "run",
            "split",
            "best_epoch",
            "interrupted",
            "validation",
            "test",
            "best_on_test",
            "time",
        }
        assert 0 < outcome["test"]["ndcg_at_10"] < 1

    def test_seeds_give_one_run_each_and_their_mean(self, shop) -> None:
        outcomes = json.loads(shop("train", *config("planted.yaml", "name=seeds"), "--json", "--seeds", 2).out)
        assert len({outcome["run"] for outcome in outcomes}) == 2
        assert outcomes[0]["test"] != outcomes[1]["test"]
        table = shop("train", *config("planted.yaml", "name=seeds"), "--seeds", 2).out
        assert "seeds: 2 seeds" in table
        assert "±" in table

    def test_seeds_split_anew_where_that_is_asked_for(self, shop) -> None:
        words = (
            "train",
            *config("planted.yaml", "name=splits", "encoder=null", "objective={}"),
            "--json",
            "--seeds",
            2,
        )
        words = (*words, "--set", "scorer.kind=popularity")
        one, other = json.loads(shop(*words).out)
        assert one["test"] == other["test"]
        bare = shop(*words, "--resplit")
        assert bare.refusal(2).startswith("--resplit: data.split is empty")
        one, other = json.loads(shop(*words, "--resplit", "--set", "data.split.kind=random_per_user").out)
        assert one["test"] != other["test"]

    def test_quiet_prints_results_only_even_in_a_fresh_process(self, shop) -> None:
        """In a process of its own, so that no library's warning hides in this one."""
        root = Path(reccl.__file__).parents[1]
        done = subprocess.run(
            [sys.executable, "-m", "reccl", "train", *config(), "--quiet", "--json"],
            capture_output=True,
            text=True,
            cwd=shop.folder,
            env={**os.environ, "PYTHONPATH": str(root)},
            check=True,
        )
        assert done.stderr == ""
        assert len(json.loads(done.stdout)) == 1

    def test_a_baseline_without_training_is_a_run_too(self, shop) -> None:
        answer = shop("train", *config("planted.yaml", "encoder=null", "objective={}", "scorer.kind=popularity"))
        assert answer.code == 0, answer.err
        assert "best epoch" not in answer.out


class TestStoppingByHand:
    def test_the_best_epoch_is_kept_and_told_with_exit_code_130(self, shop, monkeypatch: pytest.MonkeyPatch) -> None:
        def stop(progress: TerminalProgress) -> None:
            if progress.best != "-":
                raise KeyboardInterrupt

        monkeypatch.setattr(TerminalProgress, "on_step_end", stop)
        answer = shop("train", *config("planted.yaml", "name=stopped", "training.epochs=9"), "--json", "--seeds", 3)
        assert answer.code == 130
        assert "stopped by hand: the best epoch so far is kept, and the run is marked KILLED" in answer.err
        (outcome,) = json.loads(answer.out)
        assert outcome["interrupted"]
        assert outcome["best_epoch"] == 1
        (run,) = [run for run in json.loads(shop("runs", "--json").out) if run["id"] == outcome["run"]]
        assert run["status"] == "KILLED"


class TestRefusals:
    @pytest.mark.parametrize(
        ("override", "code", "answer"),
        [
            (
                "encoder.dimention=3",
                2,
                "--set encoder.dimention=3: encoder: unknown key 'dimention'; did you mean 'dim",
            ),
            ("encoder.dimension=x", 2, "--set encoder.dimension=x: encoder.dimension: input should be a valid integer"),
            ("encoder.dimension", 2, "--set 'encoder.dimension': write key=value"),
            ("encoder.kind=lightgnc", 2, "--set encoder.kind=lightgnc: encoder: unknown kind 'lightgnc'; did you mean"),
            ("data=gowala", 2, "no data set 'gowala'; did you mean 'gowalla'"),
            ("data.pipeline=tabel", 2, "--set data.pipeline=tabel: data: no pipeline 'tabel'; did you mean 'table'"),
            ("data.user=costumer", 1, "buys.csv has no column 'costumer'; the columns there are: item, timestamp, use"),
            ("data.interactions=bys.csv", 1, "no file or folder bys.csv; did you mean 'buys.csv'"),
            (
                "data.minimum_rating=4",
                1,
                "minimum_rating: 4.0 needs a rating, and none is read from buys.csv; set rating: COL",
            ),
            ("data.user_core=1000", 1, "core of 1000 a user, 0 an item"),
            ("data.rating=user", 1, "rating 'u"),
            ("training.learning_rate=1e38", 2, "training.learning_rate: 1e+38 is more than 100"),
        ],
    )
    def test_a_mistake_is_one_line(self, fresh, override: str, code: int, answer: str) -> None:
        assert answer in fresh("train", *config("planted.yaml", override)).refusal(code)

    def test_an_unknown_config_lists_what_there_is(self, fresh) -> None:
        told = fresh("train", "--config", "movielen").refusal(2)
        assert told.startswith("no config 'movielen'; did you mean 'movielens'")

    def test_text_in_brackets_is_told_as_it_is(self, fresh) -> None:
        assert "'[red]x'" in fresh("train", "--config", "[red]x").refusal(2)

    @pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
    @pytest.mark.parametrize("device", ["cuda", "cuda:1"])
    def test_a_device_that_is_not_there(self, fresh, device: str) -> None:
        told = fresh("train", *config(), "--device", device).refusal(1)
        assert told == f"device '{device}' is not available: this machine has 0 CUDA devices; use --device cpu"

    def test_an_unknown_device(self, fresh) -> None:
        told = fresh("train", *config(), "--device", "gpu").refusal(1)
        assert told == "unknown device 'gpu'; choose auto, cpu, cuda or cuda:N"

    def test_a_limit_of_memory_that_is_too_small(self, fresh) -> None:
        answer = fresh("train", *config(), "--memory-limit", "10MiB")
        assert answer.refusal(1).startswith("not enough memory: ")
        assert "memory: about " in answer.err
        assert "no runs yet" in (runs := fresh("runs")).out + runs.err

    def test_a_limit_of_memory_that_means_nothing(self, fresh) -> None:
        told = fresh("train", *config(), "--memory-limit", "4Gigs").refusal(2)
        assert told == "--memory-limit '4Gigs': write it as a number with a unit, such as 4GiB, 512MiB or 16GB"

    def test_a_folder_that_takes_no_run_store(self, fresh) -> None:
        (fresh.folder / "mlruns").touch()
        assert fresh("train", *config()).refusal(1).startswith("cannot use the run store sqlite:///")

    def test_a_rating_that_is_no_number_is_named_with_its_row(self, fresh) -> None:
        (fresh.folder / "rated.csv").write_text("user,item,rating\n1,1,4\n1,2,good\n2,1,3\n")
        overrides = ("data.interactions=rated.csv", "data.rating=rating", "data.minimum_rating=3")
        assert "rating 'good' in row 2" in fresh("train", *config("planted.yaml", *overrides)).refusal(1)

    def test_debug_shows_the_traceback(self, fresh) -> None:
        answer = fresh("train", "--config", "nothing", "--debug")
        assert answer.code == 2
        assert "ConfigError: no config 'nothing'" in answer.err
