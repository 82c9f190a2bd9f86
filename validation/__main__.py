"""Judge every claim of the paper and write one report.

Example: ``python -m validation --quick -o validation-report`` writes report.html, report.json and figures/.

Exit code 0 when every computation kept its invariants and stated tolerances, whatever it says of the paper; 1 when one
did not or could not be finished; 2 for a bad command line; 130 after Ctrl-C.
"""

import argparse
import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor, as_completed
from pathlib import Path

from . import CLAIMS
from .claim import Claim
from .published import PUBLISHED, Compared
from .worker import PREFIX, run_job


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False,
        prog="python -m validation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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


def run(options: argparse.Namespace, names: list[str], pool: ProcessPoolExecutor) -> tuple[dict, dict, dict[str, str]]:
    """Run claims and comparisons; return both by name, and why the others could not be finished."""
    from tqdm import tqdm

    # comparisons that average many samples are the longest jobs after the claims on disorder
    compared = [] if options.only else [PREFIX + name for name in reversed(PUBLISHED)]
    long = [name for name in LONGEST if name in names]
    jobs = [*long, *compared, *(name for name in names if name not in long)]
    futures = {pool.submit(run_job, job, options.quick): job for job in jobs}
    claims, published, broken = {}, {}, {}
    with tqdm(total=len(futures), unit="claim", disable=None) as progress:
        for future in as_completed(futures):
            name = futures[future]
            try:
                found, seconds, error = future.result()
            except BrokenExecutor as death:  # a worker was killed, for example for its memory
                found, seconds, error = None, 0.0, f"{type(death).__name__}: {death}"
            if found is None:
                broken[name] = error.strip().splitlines()[-1]
                tqdm.write(f"{name}: could not be finished\n{error}", file=sys.stderr)
            elif isinstance(found, Claim):
                claims[name] = found
                verdicts = f"{found.verdict} / {found.corrected}"
                tqdm.write(f"{found.id:<28} {verdicts:<36} {seconds:6.1f} s{'' if found.passed else '  BROKE A CHECK'}")
            else:
                published[name] = found
                missed = "" if all(one.passed for one in found) else "  MISSED"
                tqdm.write(f"{name:<28} {len(found)} published numbers {seconds:25.1f} s{missed}")
            progress.update()
    return claims, published, broken


#: Claims that take longest, first: two processes then end together.
LONGEST = (
    "diffusive_interface",
    "diffusive_metal",
    "spin_flip",
    "disordered_coherence",
    "transverse_pair",
    "disordered_barrier",
    "magnetization_currents",
    "validity_map",
    "domain_wall",
)


def tell_missed(claims: list[Claim], rows: list[Compared]) -> None:
    """Print every broken check and missed number to stderr."""
    for name, check in [(claim.id, check) for claim in claims for check in claim.all_checks if not check.passed]:
        print(
            f"{name}: {check.name} is {check.value:.4g}, expected {check.expected:.4g} within {check.tolerance:.2g}",
            file=sys.stderr,
        )
    for one in rows:
        if not one.passed:
            print(f"{one.id}: {one.ours:.4g}, published {one.published:.4g} ± {one.tolerance:.2g}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    """Run the claims, write the report, return the exit code."""
    from kwant_spinjunc.errors import SpinjuncError

    from .coverage import COVERAGE
    from .report import provenance, write_report

    options = parse_arguments(arguments)
    names = [name for name in CLAIMS if not options.only or name in options.only]
    start = time.perf_counter()
    pool = ProcessPoolExecutor(
        min(options.workers, len(names)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,  # Ctrl-C is for this process; it ends the workers
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        # an unwritable folder is noticed now and not after the computation
        options.output.mkdir(parents=True, exist_ok=True)
        claims, published, broken = run(options, names, pool)
        ordered = [claims[name] for name in names if name in claims]
        rows = [one for name in PUBLISHED for one in published.get(PREFIX + name, [])]
        page = write_report(
            options.output,
            ordered,
            provenance(quick=options.quick, seconds=round(time.perf_counter() - start, 1), unfinished=broken),
            rows,
            () if options.only else COVERAGE,
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
    tell_missed(ordered, rows)
    print(f"{len(ordered)} claims in {time.perf_counter() - start:.0f} s: {page}")
    return 1 if broken or not all(one.passed for one in (*ordered, *rows)) else 0


if __name__ == "__main__":
    sys.exit(main())
