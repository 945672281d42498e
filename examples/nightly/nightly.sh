#!/usr/bin/env bash
# One night of a shop: ingest, train (warm), compare, promote where better, score, write.
#
#   10 3 * * *  /srv/shop/nightly.sh >> /srv/shop/nightly.log 2>&1
#
# The folder of this script holds shop.yaml, inbox/ (the day's files: user, item, timestamp), orders/ (all files so far),
# lists/ and, unless MLFLOW_TRACKING_URI says otherwise, mlruns/. A step that fails ends the night with its error and the
# exit code of it; the lists and the champion of the night before then stay as they are, and the next night goes on.
set -euo pipefail
shopt -s nullglob
cd "$(dirname "$0")"
champion=models:/shop@champion metric=test/ndcg_at_10 today=$(date +%F)
mkdir -p inbox orders lists reports

exec 9> .nightly.lock
flock --nonblock 9 || { echo "the last night still runs" >&2; exit 75; }

# Ingest: a file counts from here on, or not at all.
for file in inbox/*; do mv --no-clobber "$file" orders/; done

# Train: from the champion's parameters, where there is one and it fits; else from the beginning.
trained=$(reccl train --config shop.yaml --from "$champion" --json) || trained=$(reccl train --config shop.yaml --json)
run=$(python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["run"])' <<< "$trained")

# Compare and promote: the new model is served where its interval against the champion, over users, is above zero.
if ! reccl promote "$run" --name shop --if-better "$metric"; then
    echo "the champion stays"
fi
reccl compare "$run" "$champion" --any-data --metric="$metric" --html "reports/$today.html"

# Score: whichever model is the champion, with all that has happened until now.
reccl recommend --run="$champion" --history orders --k 20 --out "lists/$today.parquet"

# Write: readers of lists/current.parquet see yesterday's lists or today's, never half of them.
ln --symbolic --force "$today.parquet" lists/.next
mv --no-target-directory lists/.next lists/current.parquet
