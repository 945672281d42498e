"""reccl: recommenders by contrastive learning on user-item graphs."""

import os

# Waiting threads sleep. Spinning ones, OpenMP's default, make a step 20 times slower as soon as another process wants a
# core. Has to be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
