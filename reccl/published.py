"""Published: figures that others report, each for one split that its digest tells from any other."""

from collections.abc import Iterable
from dataclasses import dataclass

ON_TEST = "epoch and settings picked on test"
CLOSED = "no training, settings picked on test"
TRAIN_ALONE = "epoch and settings picked on validation; trained on train alone, which alone is hidden"
BARS = "BARS leaderboard, github.com/reczoo/BARS"
BSL = "logs at github.com/junkangwu/BSL"
CHEBY = "table at github.com/chanwoo0806/ChebyCF"
LIGHTGCNPP = "Lee et al., RecSys 2024, supplement, github.com/geon0325/LightGCNpp"
RECZOO = "github.com/reczoo/RecZoo, README"
SELFREC = "github.com/Coder-Yu/SELFRec, README"


@dataclass(frozen=True)
class PublishedSplit:
    """A split whose files are public."""

    name: str
    about: str
    digest: str
    """`SplitDigest.test` of its data: which pairs are to be predicted from which."""
    k: int
    """Cut-off of recall and NDCG in its figures."""


@dataclass(frozen=True)
class Figure:
    """What was reported for one method on one split."""

    split: str
    """Name of a `PublishedSplit`."""
    method: str
    recall: float
    ndcg: float
    protocol: str
    """What to hold against a comparison with ours, which choose on validation rows."""
    source: str


SPLITS = (
    PublishedSplit("gowalla", "Gowalla, LightGCN's train.txt and test.txt", "eb063159f16e853db538edd9287a467c", 20),
    PublishedSplit("lastfm", "LastFM, the 7:1:2 split of LightGCN++", "eaeb416131fd942ab7a0182c1b8896f3", 10),
    PublishedSplit("yelp2018", "Yelp2018, LightGCN's train.txt and test.txt", "e5872f272ff56aeb6bdd9a5d178e6ff2", 20),
    PublishedSplit("ml-1m-m1", "MovieLens-1M, the m1 split of LCFN", "bcfcbb77115819c0614047dbd0621e35", 20),
)

PUBLISHED = (
    # the standard split (test.txt md5 c04e2c4b...), Recall@20 / NDCG@20
    Figure("gowalla", "MF-BPR", 0.1627, 0.1378, ON_TEST, BARS),
    Figure("gowalla", "EASE", 0.1765, 0.1467, CLOSED, BARS),
    Figure("gowalla", "LightGCN", 0.1830, 0.1554, ON_TEST, "He et al., SIGIR 2020, arxiv.org/abs/2002.02126"),
    Figure("gowalla", "GF-CF", 0.1849, 0.1518, CLOSED, BARS),
    Figure("gowalla", "UltraGCN", 0.1862, 0.1580, ON_TEST, BARS),
    Figure("gowalla", "SimpleX", 0.1872, 0.1557, ON_TEST, BARS),
    Figure("gowalla", "softmax LightGCN (SL)", 0.1874, 0.1571, ON_TEST, BSL),
    Figure("gowalla", "BSL LightGCN", 0.1892, 0.1590, ON_TEST, BSL),
    Figure("gowalla", "BSPM-EM", 0.1920, 0.1597, CLOSED, "Choi et al., SIGIR 2023, table 4"),
    Figure("gowalla", "ChebyCF", 0.1941, 0.1616, CLOSED, CHEBY),
    # the standard split (test.txt md5 0d57d739...), Recall@20 / NDCG@20
    Figure("yelp2018", "MF-BPR", 0.0576, 0.0468, ON_TEST, BARS),
    Figure("yelp2018", "EASE", 0.0657, 0.0552, CLOSED, BARS),
    Figure("yelp2018", "LightGCN", 0.0649, 0.0530, ON_TEST, "He et al., SIGIR 2020, arxiv.org/abs/2002.02126"),
    Figure("yelp2018", "SGL-ED", 0.0675, 0.0555, ON_TEST, BARS),
    Figure("yelp2018", "NCL", 0.0670, 0.0562, ON_TEST, SELFREC),
    Figure("yelp2018", "UltraGCN", 0.0683, 0.0561, ON_TEST, BARS),
    Figure("yelp2018", "GF-CF", 0.0697, 0.0571, CLOSED, BARS),
    Figure("yelp2018", "SimpleX", 0.0701, 0.0575, ON_TEST, BARS),
    Figure("yelp2018", "SimGCL", 0.0721, 0.0601, ON_TEST, SELFREC),
    Figure("yelp2018", "XSimGCL", 0.0723, 0.0604, ON_TEST, SELFREC),
    Figure("yelp2018", "softmax LightGCN (SL)", 0.0736, 0.0612, ON_TEST, BSL),
    Figure("yelp2018", "BSL LightGCN", 0.0744, 0.0617, ON_TEST, BSL),
    Figure("yelp2018", "MixRec", 0.0738, 0.0611, ON_TEST, "logs at github.com/BlueGhostYi/MixRec"),
    Figure("yelp2018", "EGCF", 0.0749, 0.0619, ON_TEST, "logs at github.com/BlueGhostYi/ID-GRec"),
    # the split of LightGCN++ (test.txt md5 eb2db8ab...), Recall@10 / NDCG@10
    Figure("lastfm", "LightGCN", 0.1741, 0.1996, TRAIN_ALONE, LIGHTGCNPP),
    Figure("lastfm", "SimGCL", 0.1795, 0.2049, TRAIN_ALONE, LIGHTGCNPP),
    Figure("lastfm", "XSimGCL", 0.1801, 0.2062, TRAIN_ALONE, LIGHTGCNPP),
    Figure("lastfm", "LightGCN++", 0.1889, 0.2171, TRAIN_ALONE, LIGHTGCNPP),
    Figure("lastfm", "XSimGCL++", 0.1893, 0.2173, TRAIN_ALONE, LIGHTGCNPP),
    Figure("lastfm", "NCL++", 0.1894, 0.2177, TRAIN_ALONE, LIGHTGCNPP),
    # the m1 split of MovieLens-1M (6,022 x 3,043), Recall@20 / NDCG@20
    Figure("ml-1m-m1", "NGCF", 0.2513, 0.2511, ON_TEST, RECZOO),
    Figure("ml-1m-m1", "LightGCN", 0.2576, 0.2427, ON_TEST, RECZOO),
    Figure("ml-1m-m1", "softmax LightGCN (SL)", 0.2752, 0.2551, ON_TEST, BSL),
    Figure("ml-1m-m1", "UltraGCN (D 128)", 0.2787, 0.2642, ON_TEST, RECZOO),
    Figure("ml-1m-m1", "softmax MF (SL)", 0.2809, 0.2662, ON_TEST, BSL),
    Figure("ml-1m-m1", "SimpleX (D 128)", 0.2802, 0.2670, ON_TEST, RECZOO),
    Figure("ml-1m-m1", "BSL MF", 0.2804, 0.2681, ON_TEST, BSL),
)


def find_published(digest: str) -> PublishedSplit | None:
    """The published split of this `SplitDigest.test`; None where it is none, however alike its name is."""
    return next((split for split in SPLITS if split.digest == digest), None)


def unlock(digests: Iterable[str]) -> list[Figure]:
    """The figures of the one published split that all these digests are of; none where they differ."""
    found = {find_published(digest) for digest in digests}
    split = found.pop() if len(found) == 1 else None
    return [figure for figure in PUBLISHED if split is not None and figure.split == split.name]
