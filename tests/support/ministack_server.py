"""ministack as a program, with what its Distributed Map leaves out, as AWS documents it.

ItemBatcher, ResultWriter (COMPACT, JSONL), MaxConcurrencyPath, ToleratedFailurePercentagePath, and
a Map Run's itemCounts in items where the children get batches.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.app import main
from ministack.services import s3, stepfunctions

State = dict[str, Any]

_run_map = stepfunctions._run_distributed_map
_view_map_run = stepfunctions._map_run_view
_ENDED = ("succeeded", "failed")
# Execution -> the items that its Map Run listed.
_totals: dict[str, int] = {}
_OURS = ("ItemReader", "ItemSelector", "ItemBatcher", "ResultWriter")


def run_distributed_map(
    state: State, raw: Any, effective: Any, iterator: State, execution: State, context: State
) -> Any:
    """Run a Distributed Map over batches, and write its results."""
    simpler = {name: value for name, value in state.items() if name not in _OURS} | {
        "ItemsPath": "$.batches",
        "MaxConcurrency": effective[_field(state["MaxConcurrencyPath"])],
        "ToleratedFailurePercentage": effective[_field(state["ToleratedFailurePercentagePath"])],
    }
    batches = _batches(state, effective, context)
    _totals[execution["executionArn"]] = sum(len(each["Items"]) for each in batches)
    try:
        return _run_map(simpler, raw, {"batches": batches}, iterator, execution, context)
    finally:
        parameters = stepfunctions._resolve_params_obj(
            state["ResultWriter"]["Parameters"], effective, context
        )
        _write_results(execution, parameters)


def view_map_run(run: State) -> State:
    """Describe a Map Run, counting items."""
    counts = dict.fromkeys(run["itemCounts"], 0)
    for child in _children(run["mapRunArn"]):
        size = len(json.loads(child["input"])["Items"])
        counts[child["status"].lower()] += size
    counts["total"] = _totals.get(run["executionArn"], 0)
    counts["pending"] = counts["total"] - sum(counts[each] for each in ("running", *_ENDED))
    return _view_map_run(run) | {"itemCounts": counts}


def _batches(state: State, effective: Any, context: State) -> list[State]:
    size = state["ItemBatcher"]["MaxItemsPerBatch"]
    items = [
        stepfunctions._resolve_params_obj(
            state["ItemSelector"],
            effective,
            context | {"Map": {"Item": {"Index": index, "Value": item}}},
        )
        for index, item in enumerate(
            stepfunctions._read_map_items(state["ItemReader"], effective, context)
        )
    ]
    return [{"Items": items[start : start + size]} for start in range(0, len(items), size)]


def _write_results(execution: State, parameters: State) -> None:
    """Write what became of every batch, as ResultWriter does, and the manifest that names it."""
    (run,) = (
        each
        for each in stepfunctions._map_runs.values()
        if each["executionArn"] == execution["executionArn"]
    )
    folder = f"{parameters['Prefix']}/{run['mapRunArn'].rpartition(':')[2]}"
    files: dict[str, list[State]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    for outcome, parts in files.items():
        lines = [_line(each) for each in _children(run["mapRunArn"]) if each["status"] == outcome]
        if lines:
            key, body = f"{folder}/{outcome}_0.json", "\n".join(lines).encode()
            s3._put_object(parameters["Bucket"], key, body, {})
            parts.append({"Key": key, "Size": len(body)})
    manifest = {
        "DestinationBucket": parameters["Bucket"],
        "MapRunArn": run["mapRunArn"],
        "ResultFiles": files,
    }
    key = f"{folder}/manifest.json"
    s3._put_object(parameters["Bucket"], key, json.dumps(manifest).encode(), {})


def _line(child: State) -> str:
    if child["status"] == "SUCCEEDED":
        return json.dumps(json.loads(child["output"]))
    return json.dumps(
        {
            "ExecutionArn": child["executionArn"],
            "Input": child["input"],
            "Status": child["status"],
            "Error": child["error"],
            "Cause": child["cause"],
        }
    )


def _children(map_run: str) -> list[State]:
    executions = list(stepfunctions._executions.values())
    return [each for each in executions if each.get("mapRunArn") == map_run]


def _field(path: str) -> str:
    """Read the name out of a path of one step, as in $.at_once."""
    return path.removeprefix("$.")


if __name__ == "__main__":
    stepfunctions._run_distributed_map = run_distributed_map
    stepfunctions._map_run_view = view_map_run
    main()
