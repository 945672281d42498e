"""`reccl train --from`: what it says, what it records, and what it does not take."""

from reccl import tracking


def test_it_says_what_is_carried_over_and_records_where_it_began(fresh, inside) -> None:
    by_time = ("--config", "planted.yaml", "--set", "data.split.kind=temporal", "--set", "data.timestamp=timestamp")
    assert fresh("train", *by_time, "--no-plots").code == 0
    with inside(fresh.folder):
        first = tracking.find("latest").info.run_id
    again = fresh("train", *by_time, "--from", "latest", "--no-plots")
    assert again.code == 0, again.err
    (said,) = (line for line in again.err.splitlines() if line.startswith("warm start from"))
    assert said.startswith(f"warm start from run {first[:8]} (planted): users 200 carried over; items 120 carried over")
    with inside(fresh.folder):
        assert tracking.find("latest").data.params["warm_start"] == first
    wider = fresh("train", *by_time, "--from", first[:8], "--set", "encoder.dimension=16").refusal(1)
    assert "its encoder.dimension is 8, here 16" in wider
    assert fresh("train", "--resume", "latest", "--from", first).code == 2
