"""Pool: the ways to sample negatives that leave none out once they are scored."""

from typing import Annotated

from pydantic import AfterValidator, Field, SerializeAsAny

from reccl.negatives.in_batch import InBatch
from reccl.negatives.mixed import Mixed
from reccl.negatives.negatives import NegativesSettings
from reccl.negatives.popularity import Popularity
from reccl.negatives.uniform import Uniform
from reccl.settings import outside

Pool = InBatch | Mixed | Popularity | Uniform


def require_pool(negatives: NegativesSettings) -> NegativesSettings:
    """Raise ValueError for negatives that select by score, such as `hard`."""
    if type(negatives).select is not NegativesSettings.select:
        raise ValueError("all sampled negatives are used here: give the pool of kind=hard itself, uniform for example")
    return negatives


AnyPool = Annotated[
    SerializeAsAny[Annotated[Pool, Field(discriminator="kind")]],
    outside(NegativesSettings),
    AfterValidator(require_pool),
]
