"""Energy: measured where codecarbon is, and nowhere else."""

import time
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

import reccl
from reccl import energy, tracking
from reccl.energy import COUNTRY, SWITCH, EnergyMeter

SETTINGS = {
    "encoder": {"kind": "matrix_factorization", "dimension": 4},
    "objective": {"ranking": {"kind": "ranking", "loss": {"kind": "bpr"}}},
    "training": {"epochs": 1},
}


def test_a_run_records_what_the_machine_drew(
    tmp_path: Path, planted: pl.DataFrame, inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "1")
    monkeypatch.setenv(COUNTRY, "FRA")
    with inside(tmp_path):
        started = time.monotonic()
        reccl.train({"name": "drawn", **SETTINGS}, reccl.Dataset.from_frame(planted), track=True, progress=False)
        hours = (time.monotonic() - started) / 3600
        metrics = tracking.find("latest").data.metrics
    assert 0 < metrics["time/energy_kwh"] < 10 * hours  # no machine draws 10 kW
    assert 0 < metrics["time/co2_kg"] < metrics["time/energy_kwh"]  # no country emits a kilogram a kWh


def test_the_meter_counts_while_it_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "1")
    monkeypatch.delenv(COUNTRY, raising=False)
    with EnergyMeter() as meter:
        time.sleep(0.2)
        assert meter.stop().keys() == {"energy_kwh"}
        assert meter.stop() == {}  # it is off


@pytest.mark.parametrize("why", ["switched off", "not installed"])
def test_nothing_is_measured(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "0" if why == "switched off" else "1")
    if why == "not installed":
        monkeypatch.setattr(energy, "find_spec", lambda name: None if name == "codecarbon" else find_spec(name))
    with EnergyMeter() as meter:
        assert meter.stop() == {}
