"""Published: figures that others report for the data sets of the bench, each with its protocol and source."""

from dataclasses import dataclass

ON_TEST = "epoch and settings picked on test"
CLOSED = "no training, settings picked on test"
BARS = "BARS leaderboard, github.com/reczoo/BARS"
BSL = "logs at github.com/junkangwu/BSL"
CHEBY = "table at github.com/chanwoo0806/ChebyCF"
MICROSOFT = "github.com/recommenders-team/recommenders, README"
PER_ITEM = "another 75/25: per item; no validation rows"


@dataclass(frozen=True)
class Figure:
    """What was reported for one method on one data set."""

    data: str
    method: str
    recall: float
    ndcg: float
    protocol: str
    """What to hold against a comparison with ours, which choose on validation rows."""
    source: str


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
    Figure("gowalla", "NESCL", 0.1917, 0.1617, ON_TEST, "Sun et al., TKDE 2023, arxiv.org/abs/2402.11523"),
    Figure("gowalla", "ChebyCF", 0.1941, 0.1616, CLOSED, CHEBY),
    # the m1 split of MovieLens-1M (6,022 x 3,043), Recall@20 / NDCG@20
    Figure("ml-1m-m1", "NGCF", 0.2513, 0.2511, ON_TEST, "github.com/reczoo/RecZoo, README"),
    Figure("ml-1m-m1", "LightGCN", 0.2576, 0.2427, ON_TEST, "github.com/reczoo/RecZoo, README"),
    Figure("ml-1m-m1", "softmax LightGCN (SL)", 0.2752, 0.2551, ON_TEST, BSL),
    Figure("ml-1m-m1", "UltraGCN (D 128)", 0.2787, 0.2642, ON_TEST, "github.com/reczoo/RecZoo, README"),
    Figure("ml-1m-m1", "softmax MF (SL)", 0.2809, 0.2662, ON_TEST, BSL),
    Figure("ml-1m-m1", "SimpleX (D 128)", 0.2802, 0.2670, ON_TEST, "github.com/reczoo/RecZoo, README"),
    Figure("ml-1m-m1", "BSL MF", 0.2804, 0.2681, ON_TEST, BSL),
    # MovieLens-100K, all ratings positive, 75/25, Recall@10 / NDCG@10
    Figure("ml-100k", "ALS", 0.0178, 0.0442, PER_ITEM, MICROSOFT),
    Figure("ml-100k", "SAR", 0.1764, 0.3825, PER_ITEM, MICROSOFT),
    Figure("ml-100k", "NCF", 0.1808, 0.3961, PER_ITEM, MICROSOFT),
    Figure("ml-100k", "BPR", 0.2125, 0.4420, PER_ITEM, MICROSOFT),
    Figure("ml-100k", "LightGCN (50 epochs)", 0.2132, 0.4530, "another draw of 75/25 per user", MICROSOFT),
    Figure("ml-100k", "BiVAE", 0.2191, 0.4751, PER_ITEM, MICROSOFT),
)
