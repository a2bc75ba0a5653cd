"""For every line on stdin, what TensorBoard's own readers make of the folder in argv[1] by then, as one line of JSON.

"kept": a reader that stays open, as a TensorBoard that was started before; "fresh": one that begins now. Both give
{tag: [[wall time, step, value], ...]}.
"""
import json
import logging
import sys

from tensorboard.backend.event_processing import event_accumulator

logging.disable(logging.CRITICAL)


def reader():
    return event_accumulator.EventAccumulator(sys.argv[1], size_guidance={event_accumulator.SCALARS: 0})


def scalars(accumulator):
    accumulator.Reload()
    return {
        tag: [[point.wall_time, point.step, point.value] for point in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }


kept = reader()
for _ in sys.stdin:
    print(json.dumps({"kept": scalars(kept), "fresh": scalars(reader())}), flush=True)
