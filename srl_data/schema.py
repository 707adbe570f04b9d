"""The two tables of a step dataset, in one place: column names, types, and the schema's version.

A version is raised when a column changes its name, type or meaning; adding a column does not raise it.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

__all__ = ["SCHEMA_VERSION", "STEPS", "TABLES", "TRAJECTORIES", "hf_features", "hf_schema"]

SCHEMA_VERSION = 1

_STRING = pa.string()

STEPS = pa.schema(
    [
        ("id", _STRING),
        ("trajectory_id", _STRING),
        ("step_index", pa.int32()),
        ("num_steps", pa.int32()),
        ("prompt", pa.list_(pa.struct([("role", _STRING), ("content", _STRING)]))),
        ("reference", _STRING),
        ("title", _STRING),
        ("problem", _STRING),
        ("history", pa.list_(_STRING)),
        ("answer", _STRING),
        ("source", _STRING),
    ]
)
"""One row a step example (see :class:`srl_data.types.StepExample`); ``title`` and ``answer`` may be null."""

TRAJECTORIES = pa.schema(
    [
        ("id", _STRING),
        ("problem", _STRING),
        ("text", _STRING),
        ("preamble", _STRING),
        (
            "steps",
            pa.list_(
                pa.struct(
                    [
                        ("start", pa.int32()),
                        ("end", pa.int32()),
                        ("title", _STRING),
                        ("action", _STRING),
                        ("observation", _STRING),
                        ("kind", _STRING),
                    ]
                )
            ),
        ),
        ("answer", _STRING),
        ("segmenter", _STRING),
        ("source", _STRING),
        ("meta", _STRING),
    ]
)
"""One row a solution with its steps (see :class:`srl_data.types.Trajectory`); ``meta`` is a JSON object."""

TABLES = {"steps": STEPS, "trajectories": TRAJECTORIES}


def hf_features(schema: pa.Schema) -> dict[str, Any]:
    """A schema in the words of ``datasets``' ``dataset_info.json``.

    ``datasets`` could say this itself, but takes a second to import, which every small run would feel.

    Example:
        >>> hf_features(pa.schema([("id", pa.string())]))
        {'id': {'dtype': 'string', '_type': 'Value'}}
    """
    return {field.name: _feature(field.type) for field in schema}


def hf_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with the metadata by which ``datasets`` recognises its own files."""
    info = {"info": {"features": hf_features(schema)}}
    return schema.with_metadata({"huggingface": json.dumps(info)})


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    return {"dtype": str(kind), "_type": "Value"}
