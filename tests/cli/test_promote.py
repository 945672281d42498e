"""`reccl promote`: what it prints, and how it ends."""

import json


def test_it_prints_the_address_and_the_interval(fresh) -> None:
    for name, scorer in (("good", "ease"), ("bad", "popularity")):
        chosen = ("encoder=null", "objective={}", f"scorer.kind={scorer}", f"name={name}")
        words = [word for key in chosen for word in ("--set", key)]
        assert fresh("train", "--config", "planted.yaml", *words, "--no-plots").code == 0
    first = fresh("promote", "bad", "--name", "shop", "--if-better", "test/ndcg_at_10")
    assert first.code == 0, first.err
    assert first.out.startswith("models:/shop@champion is version 1, run ")
    assert first.out.splitlines()[-1] == "nothing to compare with: it is the first"
    better = fresh("promote", "good", "--name", "shop", "--if-better", "test/ndcg_at_10", "--json")
    assert better.code == 0, better.err
    told = json.loads(better.out)
    assert (told["address"], told["version"]) == ("models:/shop@champion", "2")
    assert told["difference"]["low"] > 0
    worse = fresh("promote", "bad", "--name", "shop", "--if-better", "test/ndcg_at_10").refusal(1)
    assert "is not better than good" in worse
    assert "95% interval -" in worse
    compared = fresh("compare", "bad", "models:/shop@champion")
    assert compared.code == 0, compared.err
    assert "good" in compared.out
    listed = fresh("recommend", "--run", "models:/shop@champion", "--users", "u001", "--k", "3", "--format", "csv")
    assert listed.code == 0, listed.err
