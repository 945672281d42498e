"""`reccl update`: a run or a folder, and what it says."""

import polars as pl

import reccl


def test_it_writes_a_run_that_recommend_takes_and_measuring_refuses(fresh) -> None:
    assert fresh("train", "--config", "planted.yaml", "--no-plots").code == 0
    history = pl.DataFrame({"user": ["new"] * 4 + ["u000"], "item": [16, 28, 40, 52, 16]})
    history.write_parquet(fresh.folder / "new.parquet")
    answer = fresh("update", "--run", "latest", "--history", "new.parquet")
    assert answer.code == 0, answer.err
    assert "1 new users, 0 new items -> run " in answer.out
    run = answer.out.split()[-1]
    lists = fresh("recommend", "--run", run, "--users", "new", "--k", "3")
    assert lists.code == 0, lists.err
    assert lists.out.count("fold_in") == 3
    assert "with rows since its training" in fresh("evaluate", "--run", run).refusal(1)
    assert run[:8] not in fresh("compare").out
    written = fresh("update", "--run", "planted", "--history", "new.parquet", "--out", "model")
    assert written.code == 0, written.err
    assert reccl.load(fresh.folder / "model").recommend(["new"], k=3)["source"].to_list() == ["fold_in"] * 3
    (fresh.folder / "mine").mkdir()
    assert "is no model that may be replaced" in fresh("update", "--history", "new.parquet", "--out", "mine").refusal(2)
    assert (fresh.folder / "mine").is_dir()
    assert "nothing to update with" in fresh("update").refusal(2)
