"""Hooks of SnapStart, as Lambda's managed runtimes bring them: what a function does before its snapshot is taken, and
after an environment has been restored from it. Usable as decorators."""

_before_snapshot = []
_after_restore = []


def register_before_snapshot(function, *args, **kwargs):
    """Runs before the snapshot; what was registered last runs first."""
    _before_snapshot.append((function, args, kwargs))
    return function


def register_after_restore(function, *args, **kwargs):
    """Runs after each restore, in the order of registration."""
    _after_restore.append((function, args, kwargs))
    return function


def get_before_snapshot():
    return _before_snapshot


def get_after_restore():
    return _after_restore
