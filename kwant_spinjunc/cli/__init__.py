"""The command `spinjunc`, one file a verb; `main` loads only the one asked for."""

try:
    from .main import main
except ModuleNotFoundError as error:  # NumPy: say in one line how to get it
    from .console import without

    main = without(error)

__all__ = ["main"]
