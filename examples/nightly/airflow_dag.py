"""The same night as a DAG of Airflow 3: each step is tried again by itself. SHOP is a folder that all workers share.

Put it into the DAGs folder; the workers need `reccl`, and MLFLOW_TRACKING_URI in their environment.
"""

import os
from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.sdk import dag, task

SHOP = Path(os.environ.get("SHOP", "/srv/shop"))
CHAMPION, METRIC = "models:/shop@champion", "test/ndcg_at_10"


@dag(
    schedule="10 3 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
)
def shop_night() -> None:
    """Ingest, train, promote where better, score, write."""

    @task
    def ingest() -> None:
        (SHOP / "orders").mkdir(exist_ok=True)
        for file in sorted((SHOP / "inbox").iterdir()):
            file.rename(SHOP / "orders" / file.name)

    @task
    def train() -> str:
        import reccl

        os.chdir(SHOP)
        try:
            return reccl.train("shop.yaml", warm_start=CHAMPION, track=True, progress=False).run_id
        except reccl.RunError as error:  # no champion yet, or one with another encoder
            print(f"cold start: {error}")
            return reccl.train("shop.yaml", track=True, progress=False).run_id

    @task
    def promote(run: str) -> None:
        import reccl

        os.chdir(SHOP)
        try:
            print(reccl.promote(run, name="shop", if_better=METRIC))
        except reccl.NotBetterError as error:  # any other error fails the step
            print(error)

    @task
    def score(day: str) -> str:
        import polars as pl

        import reccl

        os.chdir(SHOP)
        (SHOP / "lists").mkdir(exist_ok=True)
        model = reccl.load(CHAMPION)
        lists = model.recommend(k=20, history=pl.read_csv("orders/*.csv"))
        lists.write_parquet(path := f"lists/{day}.parquet.part")
        return path

    @task
    def write(part: str) -> None:
        whole = (SHOP / part).with_suffix("")
        (SHOP / part).rename(whole)
        link = SHOP / "lists" / ".next"
        link.unlink(missing_ok=True)
        link.symlink_to(whole.name)
        link.rename(SHOP / "lists" / "current.parquet")

    promoted = promote(train_after := train())
    ingest() >> train_after
    scored = score("{{ ds }}")
    promoted >> scored
    write(scored)


shop_night()
