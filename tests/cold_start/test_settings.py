"""The cold_start section is a config section like any other."""

import pytest
from pydantic import TypeAdapter, ValidationError

from reccl.cold_start import AnyItemFeatureModel, ColdStart, FeatureModelSettings
from reccl.config import dump, loads

ROOM = AnyItemFeatureModel

TEXT = """
name: cold
data: {pipeline: table, interactions: buys.csv}
scorer: {kind: svd}
cold_start: {items: {kind: regression, hidden: 8}, users: null, target_scorer: {kind: svd, dimension: 4}, scale: 0.5}
"""


def test_a_feature_model_builds_from_defaults_and_survives_its_own_dump(part: type[FeatureModelSettings]) -> None:
    room: TypeAdapter[FeatureModelSettings] = TypeAdapter(AnyItemFeatureModel)
    made = room.validate_python({"kind": part().kind})
    assert made == part()
    assert room.validate_python(room.dump_python(made, mode="json")) == made


def test_a_feature_model_refuses_keys_that_do_not_exist(part: type[FeatureModelSettings]) -> None:
    with pytest.raises(ValidationError, match="unknown key 'feature_weigths'; did you mean 'feature_weights'"):
        part.model_validate({"feature_weigths": {}})


def test_an_experiment_with_cold_start_survives_its_own_dump() -> None:
    experiment = loads(TEXT)
    assert experiment.cold_start.target_scorer.dimension == 4
    assert loads(dump(experiment)) == experiment
    assert loads(TEXT.replace("scale: 0.5", "apply_to: all")).cold_start == ColdStart(
        items={"kind": "regression", "hidden": 8},
        users=None,
        target_scorer={"kind": "svd", "dimension": 4},
        apply_to="all",
    )
