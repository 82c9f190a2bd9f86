"""`spinjunc explore`: a page with a slider for every parameter of a family, on this machine."""

from __future__ import annotations

import argparse
import threading

from .options import add_shared, family_of, fixed_parameters

EXAMPLE = "spinjunc explore systems/tunnel_junction.py --set height=3"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add_shared(parser, "energy")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    import webbrowser

    from ..exploring.explorer import explore

    family = family_of(options)
    explorer = explore(family, energy=options.energy or 0.0, **fixed_parameters(options.set, family))
    print(f"{explorer.url}\non this machine only; Ctrl-C ends it", flush=True)
    if not options.no_browser:
        webbrowser.open(explorer.url)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print()
    finally:
        explorer.close()
    return 0
