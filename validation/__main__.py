"""Judge every claim of the paper and write one report.

Example: ``python -m validation --quick -o validation-report`` writes report.html, report.json and figures/.

Exit code 0 when every computation kept its invariants and stated tolerances, whatever it says of the paper; 1 when one
did not or could not be finished; 2 for a bad command line; 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from pathlib import Path

from . import CLAIMS
from .worker import run_claim


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(
        prog="python -m validation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small grids, under 90 s on two cores")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("validation-report"), metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument(
        "--only", nargs="+", choices=CLAIMS, metavar="CLAIM", help=f"run these only; choose from {', '.join(CLAIMS)}"
    )
    parser.add_argument(
        "--workers", type=int, default=min(os.cpu_count() or 1, 4), metavar="N", help="processes; default: %(default)s"
    )
    options = parser.parse_args(arguments)
    if options.workers < 1:
        parser.error(f"argument --workers must be at least 1, but is {options.workers}")
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the claims, write the report, return the exit code."""
    from tqdm import tqdm

    from kwant_spinjunc.errors import SpinjuncError
    from kwant_spinjunc.report import provenance, write_report

    options = parse_arguments(arguments)
    names = [name for name in CLAIMS if not options.only or name in options.only]
    start = time.perf_counter()
    claims, broken = {}, []
    pool = ProcessPoolExecutor(
        min(options.workers, len(names)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,  # Ctrl-C is for this process; it ends the workers
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        # an unwritable folder is noticed now and not after the computation
        options.output.mkdir(parents=True, exist_ok=True)
        futures = {pool.submit(run_claim, name, options.quick): name for name in names}
        with tqdm(total=len(names), unit="claim", disable=None) as progress:
            for future in as_completed(futures):
                name = futures[future]
                try:
                    claim, seconds, error = future.result()
                except BrokenExecutor as death:  # a worker was killed, for example for its memory
                    claim, seconds, error = None, 0.0, f"{type(death).__name__}: {death}"
                if claim is None:
                    broken.append(name)
                    tqdm.write(f"{name}: could not be finished\n{error}", file=sys.stderr)
                else:
                    claims[name] = claim
                    state = "" if claim.passed else "  BROKE A CHECK"
                    tqdm.write(f"{claim.id:<28} {claim.verdict:<17} {seconds:6.1f} s{state}")
                progress.update()
        ordered = [claims[name] for name in names if name in claims]
        page = write_report(
            options.output,
            ordered,
            provenance(quick=options.quick, seconds=round(time.perf_counter() - start, 1), unfinished=broken),
        )
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in multiprocessing.active_children():
            process.terminate()
        print("Interrupted: the previous report, if any, is unchanged.", file=sys.stderr)
        return 130
    except (OSError, SpinjuncError) as error:
        pool.shutdown(wait=False, cancel_futures=True)
        print(f"error: {error}", file=sys.stderr)
        return 2
    pool.shutdown()
    for claim in ordered:
        for check in claim.all_checks:
            if not check.passed:
                print(
                    f"{claim.id}: {check.name} is {check.value:.4g}, expected {check.expected:.4g} "
                    f"within {check.tolerance:.2g}",
                    file=sys.stderr,
                )
    print(f"{len(ordered)} claims in {time.perf_counter() - start:.0f} s: {page}")
    return 1 if broken or not all(claim.passed for claim in ordered) else 0


if __name__ == "__main__":
    sys.exit(main())
