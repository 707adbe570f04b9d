"""What a server counts, for Prometheus. Several worker processes count as one, in files of a folder they share."""

from __future__ import annotations

import os
from collections import Counter as Tally
from contextlib import suppress
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from rewards.types import Scores

__all__ = ["Metrics"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)


class Metrics:
    """The metrics of one process. Their labels come from the server and its rewards, never from a request."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        own = self._registry = CollectorRegistry()
        self._requests = Counter("srl_data_requests", "Requests answered.", ["path", "code"], registry=own)
        self._seconds = Histogram(
            "srl_data_request_seconds", "Time to answer.", ["path"], buckets=_SECONDS, registry=own
        )
        self._completions = Counter(
            "srl_data_completions", "Completions scored, by how that ended.", ["reward", "status"], registry=own
        )
        self._scores = Counter("srl_data_scored", "Completions that have a score.", ["reward"], registry=own)
        self._sum = Gauge("srl_data_score_sum", "Sum of the scores.", ["reward"], registry=own, multiprocess_mode="sum")
        self._batches = Histogram(
            "srl_data_batch_completions", "Completions in a call.", ["reward"], buckets=_SIZES, registry=own
        )
        self._waiting = Gauge(
            *("srl_data_waiting_completions", "Completions that wait or are being scored.", ["reward"]),
            registry=own,
            multiprocess_mode="livesum",
        )

    def request(self, path: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def scored(self, reward: str, scores: Scores) -> None:
        """Completions were scored."""
        for status, number in Tally(scores.status).items():
            self._completions.labels(reward, status).inc(number)
        values = [value for value in scores.values if value is not None]
        self._scores.labels(reward).inc(len(values))
        self._sum.labels(reward).inc(sum(values))

    def batch(self, reward: str, size: int) -> None:
        """The reward was called."""
        self._batches.labels(reward).observe(size)

    def waiting(self, reward: str, change: int) -> None:
        """There are more completions to score, or fewer."""
        self._waiting.labels(reward).inc(change)

    def text(self) -> bytes:
        """All of it in Prometheus's text format, of every worker process."""
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        if not folder:
            return generate_latest(self._registry)
        for file in Path(folder).glob("gauge_livesum_*.db"):
            process = int(file.stem.rpartition("_")[2])
            with suppress(PermissionError, FileNotFoundError):
                try:
                    os.kill(process, 0)
                except ProcessLookupError:  # it was killed, and what it worked on is no longer waiting
                    mark_process_dead(process, folder)  # type: ignore[no-untyped-call]
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone, path=folder)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)
