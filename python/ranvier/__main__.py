"""`python -m ranvier`: the demonstration and facts about this installation."""

from __future__ import annotations

import argparse
import platform
import sys


def info() -> str:
    """What runs here: versions, processor, instruction set, threads."""
    import numpy

    import ranvier
    from ranvier import _backend as B

    cpu = B.core.cpu_info()
    rows = [
        ("ranvier", ranvier.__version__),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("NumPy", numpy.__version__),
        ("processor", cpu["model"]),
        ("caches", f"L1 {cpu['l1_data_bytes'] >> 10} KiB, L2 {cpu['l2_bytes'] >> 10} KiB, "
                   f"L3 {cpu['l3_bytes'] >> 10} KiB"),
        ("instruction set", f"{B.core.active_isa()} (detected: {B.core.detected_isa()})"),
        ("threads", str(ranvier.num_threads())),
    ]  # fmt: skip
    return "\n".join(f"{name:16} {value}" for name, value in rows)


def main(arguments=None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ranvier", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo", help="train a CNN on handwritten digits and show what it learned"
    )
    demo.add_argument("--out", default=".", help="folder for digits.keras and digits.png")
    demo.add_argument("--epochs", type=int, default=None, help="epochs of training")
    commands.add_parser("info", help="versions, processor, instruction set, threads")
    chosen = parser.parse_args(arguments)
    if chosen.command == "info":
        print(info())
        return 0
    from ranvier import demo as program

    return program.run(chosen.out, chosen.epochs)


if __name__ == "__main__":
    sys.exit(main())
