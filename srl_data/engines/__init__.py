"""Where work runs: :mod:`srl_data.engines.local` on this machine's processes."""
