"""Energy: what a run draws, by codecarbon, where it is installed (`pip install 'reccl[energy]'`).

It reads the counters of CPU (RAPL) and GPU (NVML) of the machine, and estimates from load and nominal power where there
are none, as in most virtual machines; the memory's is always an estimate. Nothing is sent anywhere.
"""

import logging
import os
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, Self

SWITCH = "RECCL_ENERGY"
"""Environment variable: 0 leaves the energy unmeasured."""
COUNTRY = "CODECARBON_COUNTRY_ISO_CODE"
"""Environment variable with the country of the machine (three letters), by whose mix of power its CO2 is estimated."""
EVERY = 15.0
"""Seconds between two looks at the counters."""


class EnergyMeter:
    """Energy of the machine in a block, in kWh: `with EnergyMeter() as meter: ...; meter.stop()`.

    What other processes draw on the same machine is in it, since the counters know no processes.
    """

    def __init__(self) -> None:
        self.tracker: Any = None
        if os.environ.get(SWITCH) == "0" or find_spec("codecarbon") is None:
            return
        with suppress(Exception):  # a machine that cannot be measured trains all the same
            from codecarbon import OfflineEmissionsTracker

            logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
            self.tracker = OfflineEmissionsTracker(
                country_iso_code=os.environ.get(COUNTRY, "USA"),
                measure_power_secs=EVERY,
                log_level="critical",
                output_methods=[],
                allow_multiple_runs=True,
            )

    def __enter__(self) -> Self:
        if self.tracker is not None:
            self.tracker.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.tracker is not None:
            self.tracker.stop()
            self.tracker = None

    def stop(self) -> dict[str, float]:
        """End the measuring: energy_kwh, and co2_kg where the country is known; empty where nothing was measured."""
        tracker = self.tracker
        self.__exit__()
        read = getattr(tracker, "final_emissions_data", None)
        if read is None:
            return {}
        measured = {"energy_kwh": float(read.energy_consumed)}
        return measured | ({"co2_kg": float(read.emissions)} if os.environ.get(COUNTRY) else {})
