"""Every data set of the catalog can be fetched whole, is checked by a digest, and has a pipeline and a preset."""

import os
from pathlib import Path

import pytest

from reccl.data.ingest import sources as catalog
from reccl.data.ingest.download import verify
from reccl.data.ingest.sources import SOURCES, Source


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
class TestCatalog:
    def test_what_is_downloaded_makes_the_data_set_whole(self, source: Source) -> None:
        taken = {name.rpartition("/")[2] for item in source.downloads for name in item.members or (item.url,)}
        assert not source.downloads or taken == set(source.layouts[0])
        if source.mirror:
            assert {name.rpartition("/")[2] for name in source.mirror.members} in map(set, source.layouts)

    def test_every_address_is_safe_and_every_digest_complete(self, source: Source) -> None:
        lengths = {"md5": 32, "sha256": 64}
        mirrors = [source.mirror.digest] if source.mirror else []
        for digested in [
            *(d for item in source.downloads for d in item.digests),
            *mirrors,
            *dict(source.contents).values(),
        ]:
            algorithm, _, value = digested.partition(":")
            assert len(value) == lengths[algorithm]
            assert int(value, 16)
        assert all(item.url.startswith("https://") for item in source.downloads)

    def test_it_names_a_pipeline_that_is_there_and_has_a_preset(self, source: Source) -> None:
        checkout = Path(catalog.__file__).parents[3]
        assert (checkout / "pipelines" / f"{source.pipeline}.py").is_file()
        preset = (checkout / "configs" / "data" / f"{source.name}.yaml").read_text()
        assert f"pipeline: {source.pipeline}\n" in preset
        assert f"source: {source.name}\n" in preset


def test_the_published_digests_fit_the_real_gowalla() -> None:
    folder = Path(os.environ.get("RECCL_DATA") or "/nowhere") / "gowalla"
    if not folder.is_dir():
        pytest.skip("the real gowalla is not in RECCL_DATA")
    gowalla = next(source for source in SOURCES if source.name == "gowalla")
    for item in gowalla.downloads:
        name = item.url.rpartition("/")[2]
        verify(folder / name, item.digests, name)
