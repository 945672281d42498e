"""The catalog: data sets that reccl can fetch by name, where they come from, and what their files must digest to.

A digest is `sha256:...`, or `md5:...` where the publisher gives no better one. Nothing here may be redistributed by us:
files go from their publisher to the user's own cache.
"""

from dataclasses import dataclass

GROUPLENS = "https://files.grouplens.org/datasets/movielens"
LIGHTGCN = "https://raw.githubusercontent.com/gusye1234/LightGCN-PyTorch/master/data"


@dataclass(frozen=True)
class Download:
    """One file at an official address: an archive to take `members` from, or (without members) a raw file itself."""

    url: str
    digests: tuple[str, ...]
    """What the file may digest to. More than one: published copies that differ in bytes, not in content."""
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Package:
    """A Python package that carries the files, fetched with pip: the last resort, from whatever index pip is set to."""

    requirement: str
    digest: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A named data set."""

    name: str
    title: str
    users: int
    items: int
    interactions: int
    pipeline: str
    layouts: tuple[tuple[str, ...], ...]
    """The raw files. A folder that holds every file of any one layout holds the data set."""
    page: str
    license: str
    citation: str
    downloads: tuple[Download, ...] = ()
    mirror: Package | None = None
    contents: tuple[tuple[str, str], ...] = ()
    """Digests of files inside, checked after extraction."""


MOVIELENS_LICENSE = "for research; no redistribution and no commercial use without permission"
MOVIELENS_CITATION = (
    'F. M. Harper, J. A. Konstan: "The MovieLens Datasets: History and Context", ACM TiiS 5(4), 2015, '
    "https://doi.org/10.1145/2827872"
)
LIGHTGCN_CITATION = (
    'X. He et al.: "LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation", SIGIR 2020, '
    "https://arxiv.org/abs/2002.02126"
)
LIGHTGCNPP_CITATION = (
    'G. Lee et al.: "Revisiting LightGCN: Unexpected Inflexibility, Inconsistency, and A Remedy Towards Improved '
    'Recommendation", RecSys 2024, https://doi.org/10.1145/3640457.3688176'
)
TYPED = ("ml-100k.inter", "ml-100k.item", "ml-100k.user")


def _movielens(
    name: str,
    title: str,
    size: tuple[int, int, int],
    page: str,
    digest: str,
    *layouts: tuple[str, ...],
    mirror: Package | None = None,
    contents: tuple[tuple[str, str], ...] = (),
) -> Source:
    """A data set of GroupLens: one archive, whose members are the files of the first layout."""
    archive = Download(f"{GROUPLENS}/{name}.zip", (digest,), tuple(f"{name}/{file}" for file in layouts[0]))
    return Source(
        name,
        title,
        *size,
        "movielens",
        layouts,
        f"https://grouplens.org/datasets/movielens/{page}/",
        MOVIELENS_LICENSE,
        MOVIELENS_CITATION,
        (archive,),
        mirror,
        contents,
    )


def _lightgcn(name: str, title: str, size: tuple[int, int, int], train: tuple[str, ...], test: str) -> Source:
    """A split that LightGCN published: train.txt and test.txt."""
    files = (
        Download(f"{LIGHTGCN}/{name}/train.txt", train),
        Download(f"{LIGHTGCN}/{name}/test.txt", (test,)),
    )
    return Source(
        name,
        title,
        *size,
        "adjacency",
        (("train.txt", "test.txt"),),
        f"https://github.com/gusye1234/LightGCN-PyTorch/tree/master/data/{name}",
        "no license stated by the publisher of the split",
        LIGHTGCN_CITATION,
        files,
    )


SOURCES = (
    _lightgcn(
        "amazon-book",
        "Amazon-Book, the LightGCN split",
        (52_643, 91_599, 2_984_108),
        ("md5:c916ecac04ca72300a016228258b41ed",),
        "md5:30f8ccfea18d25007ba9fb9aba4e174d",
    ),
    _lightgcn(
        "gowalla",
        "Gowalla, the LightGCN split",
        (29_858, 40_981, 1_027_370),
        (
            "md5:5eec1eb2edb8dd648377d348b8e136cf",
            "sha256:0f086326b28a56c2e6dcb81d86ee72d4ccb7eed3a8d26788392356d8f51111cc",
        ),
        "sha256:099a2a73924e4b754dc6efd730d764f492321b53c38eb93298850c83acf57be3",
    ),
    Source(
        "lastfm",
        "LastFM, the LightGCN++ split",
        1_885,
        17_388,
        91_779,
        "adjacency",
        (("train.txt", "valid.txt", "test.txt"),),
        "https://github.com/geon0325/LightGCNpp",
        "no license stated by the publisher of the split",
        LIGHTGCNPP_CITATION,
        contents=(
            ("train.txt", "md5:7b7f401011388a39de590073c3c54116"),
            ("valid.txt", "md5:a94e39a79115f8598f4fa8f85a10f4f4"),
            ("test.txt", "md5:eb2db8ab4de327542151810be3b8f89d"),
        ),
    ),
    _movielens(
        "ml-100k",
        "MovieLens-100K",
        (943, 1_682, 100_000),
        "100k",
        "sha256:50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
        ("u.data", "u.item", "u.user", "u.genre"),
        TYPED,
        mirror=Package(
            "recbole==1.2.1",
            "sha256:9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
            tuple(f"recbole/dataset_example/ml-100k/{file}" for file in TYPED),
        ),
        contents=(
            ("u.data", "sha256:06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490"),
            # the same lines below one line of headers
            ("ml-100k.inter", "sha256:4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff"),
        ),
    ),
    _movielens(
        "ml-1m",
        "MovieLens-1M",
        (6_040, 3_706, 1_000_209),
        "1m",
        "sha256:a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
        ("ratings.dat", "movies.dat", "users.dat"),
        ("ratings.parquet", "movies.dat", "users.dat"),
    ),
    Source(
        "ml-1m-m1",
        "MovieLens-1M, the m1 split",
        6_022,
        3_043,
        895_699,
        "adjacency",
        (("train.txt", "test.txt"),),
        "https://github.com/reczoo/Datasets",
        MOVIELENS_LICENSE,
        MOVIELENS_CITATION,
    ),
    _movielens(
        "ml-20m",
        "MovieLens-20M",
        (138_493, 26_744, 20_000_263),
        "20m",
        "sha256:96f243c338a8665f6bcc89c53edf6ee39162a846940de6b7c8c48aeada765ff3",
        ("ratings.csv", "movies.csv"),
    ),
    _movielens(
        "ml-25m",
        "MovieLens-25M",
        (162_541, 59_047, 25_000_095),
        "25m",
        "sha256:8b21cfb7eb1706b4ec0aac894368d90acf26ebdfb6aced3ebd4ad5bd1eb9c6aa",
        ("ratings.csv", "movies.csv"),
    ),
    _movielens(
        "ml-32m",
        "MovieLens-32M",
        (200_948, 84_432, 32_000_204),
        "32m",
        "md5:d472be332d4daa821edc399621853b57",
        ("ratings.csv", "movies.csv"),
    ),
    _movielens(
        "ml-latest-small",
        "MovieLens latest, small (as of September 2018)",
        (610, 9_724, 100_836),
        "latest",
        "sha256:696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
        ("ratings.csv", "movies.csv"),
    ),
    _lightgcn(
        "yelp2018",
        "Yelp2018, the LightGCN split",
        (31_668, 38_048, 1_561_406),
        ("md5:1b8b5d22a227e01d6de002c53d32b4c4",),
        "md5:0d57d7399862c32152b045ec5d2698e7",
    ),
)
"""Every data set with a name, by name."""
