"""Mathematics as written in answers: a bounded parser, and tiers that decide whether two expressions are equal."""
