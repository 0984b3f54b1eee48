"""`python -m tests.bench [--quick] [NAME...]`: run the benchmarks and print a line each.

A benchmark is a function `(quick) -> line` in BENCHES.
"""

import argparse
from collections.abc import Callable

from tests.bench import import_memory, store_speed

BENCHES: dict[str, Callable[[bool], str]] = {
    "store-speed": store_speed.run,
    "import-memory": import_memory.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Speed and memory on this machine.")
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"of {', '.join(BENCHES)}; all if none is given")
    parser.add_argument("--quick", action="store_true", help="smaller inputs, for a first look")
    args = parser.parse_args()
    if unknown := set(args.names) - set(BENCHES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    for name in args.names or BENCHES:
        print(f"{name:<15} {BENCHES[name](args.quick)}", flush=True)


if __name__ == "__main__":
    main()
