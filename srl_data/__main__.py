"""``python -m srl_data`` is ``srl-data``."""

from srl_data.cli import main

if __name__ == "__main__":
    main(prog_name="srl-data")
