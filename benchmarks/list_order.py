"""Order: are the lists of a published split in order of time? How alike test items are to each part of the lists.

python benchmarks/list_order.py FOLDER [--users 3000]

FOLDER holds train.txt and test.txt, a user and the items of that user a line. Items are alike by their cosine over all
training rows. Where a random part of every list was drawn for the test, test items are as alike to the first tenth of a
training list as to the last; where a list is in order of time and the test is its end, likeness grows towards the end.
Lists that are sorted by item say nothing as they are; but where items are numbered as they were first met, the new
items of a list stand in the order that it had, and are shown for themselves.
"""

import argparse
from pathlib import Path

import numpy as np
import scipy.sparse as sp

Lists = dict[int, np.ndarray]


def read(path: Path) -> Lists:
    """The items of every user with any, in the order of the file."""
    rows = [np.array(line.split(), dtype=np.int64) for line in path.read_text().splitlines()]
    return {int(row[0]): row[1:] for row in rows if len(row) > 1}


def keep_new(lists: Lists) -> Lists:
    """Of every list the items with a number above all numbers of the lists before."""
    new, highest = {}, -1
    for user in sorted(lists):
        new[user] = lists[user][lists[user] > highest]
        highest = max(highest, int(lists[user].max()))
    return new


def compare(lists: Lists, train: Lists, test: Lists, parts: int, least: int, most: int) -> None:
    """Print the likeness of test items to each part of the lists, as a share of that to the whole list."""
    users = [user for user in test if len(lists.get(user, ())) >= least]
    users = [users[at] for at in np.linspace(0, len(users) - 1, min(most, len(users))).round().astype(int)]
    lengths = [len(items) for items in train.values()]
    row, item = np.repeat(list(train), lengths), np.concatenate(list(train.values()))
    shape = max(max(train), max(test)) + 1, max(int(item.max()), max(int(each.max()) for each in test.values())) + 1
    matrix = sp.csr_matrix((np.ones(len(row), dtype=np.float32), (row, item)), shape)
    degree = np.asarray(matrix.sum(0)).ravel()  # [I]
    by_item = (matrix @ sp.diags(1 / np.sqrt(degree.clip(min=1)))).T.tocsr()  # [I, U]
    alike, count, popular = np.zeros(parts), np.zeros(parts), np.zeros(parts)
    for user in users:
        likeness = np.asarray((by_item[test[user]] @ by_item[lists[user]].T).mean(0)).ravel()
        part = np.arange(len(likeness)) * parts // len(likeness)
        np.add.at(alike, part, likeness / max(likeness.mean(), 1e-9))
        np.add.at(popular, part, np.log(degree[lists[user]]))
        np.add.at(count, part, 1)
    asked = np.log(degree[np.concatenate([test[user] for user in users])].clip(min=1)).mean()
    print(f"{len(users):,} users, parts of the list from first to last")
    print(f"  likeness of test items to them: {' '.join(f'{value:.3f}' for value in alike / count)}")
    print(
        f"  log of training rows:           {' '.join(f'{value:.2f}' for value in popular / count)}; test {asked:.2f}"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--users", type=int, default=3000)
    chosen = arguments.parse_args()
    train, test = read(chosen.folder / "train.txt"), read(chosen.folder / "test.txt")
    in_order = np.mean([bool((np.diff(items) > 0).all()) for items in train.values()])
    print(f"{chosen.folder.name}: {in_order:.0%} of the training lists are sorted by item")
    compare(train, train, test, 10, 20, chosen.users)
    print("items that are new in their list")
    compare(keep_new(train), train, test, 5, 15, chosen.users)


if __name__ == "__main__":
    main()
