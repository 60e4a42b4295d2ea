"""One module for each side of the comparison.

Each has ``task(job)``, which prepares a ``harness.timing.Task``; some have ``prepare(request)``,
which runs in a process of its own before. ``harness.passes.WAYS`` lists the ways that a job may
name.
"""
