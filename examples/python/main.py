"""Count the words of every file in texts/ and write the most frequent ones to out/words.csv."""
import collections
import csv
import os
import pathlib
import re

words = collections.Counter()
for path in sorted(pathlib.Path("texts").iterdir()):
    words.update(re.findall(r"[a-z]+", path.read_text(encoding="utf-8").lower()))

with open("out/words.csv", "w", newline="", encoding="utf-8") as f:
    table = csv.writer(f)
    table.writerow(["word", "count"])
    table.writerows(words.most_common(int(os.environ.get("TOP", "10"))))

print(f"task {os.environ.get('HIVEMIND_TASK_ID', '?')}: {sum(words.values())} words, {len(words)} of them different")
