"""Supervised RL with ms-swift: rows, the plug-in with the reward, and the script that trains.

pip install srl-data ms-swift
python examples/train_swift.py                 # on GPUs; settings of `swift rlhf` may follow
python examples/train_swift.py --check         # without one: its plug-in loader, a row and two replies
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from exported import BAD, GOOD, main


def check(folder: Path, row: dict[str, Any]) -> tuple[float, float]:
    from swift.rewards import orms
    from swift.utils.utils import import_external_file

    import_external_file(str(folder / "plugin.py"))
    function = orms["srl_reward"](args=None)
    columns = {name: [value, value] for name, value in row.items() if name != "messages"}
    replies = [reply.format(row["reference"]) for reply in (GOOD, BAD)]
    good, bad = function(replies, trainer_state=None, messages=[row["messages"]] * 2, **columns)
    return good, bad


if __name__ == "__main__":
    main("swift", check)
