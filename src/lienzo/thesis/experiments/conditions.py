"""What a run was computed by, as a result that is kept says it."""

from lienzo.run.run import Run


def computed_by(run: Run) -> str:
    """Return the GPU that a run was begun on, or the processor and how many of its threads computed."""
    machine = run.manifest()["machine"]
    if "gpu" in machine:
        return str(machine["gpu"])
    threads = machine["threads"]
    return f"{machine['model']}, {'one thread' if threads == 1 else f'at most {threads} threads'}"
