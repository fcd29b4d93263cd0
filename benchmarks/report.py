"""What a run says: lines of the table, bars, and `RESULTS.md` with the rows where we lose first.

A run is the dictionary that `python -m benchmarks --json` writes.
"""

from __future__ import annotations

import math
import re

from benchmarks import processes, rows

BEGIN, END = "<!-- run: begin -->", "<!-- run: end -->"


def header(run) -> list[str]:
    """Machine, threads, measured limits and versions."""
    roof = run["roofline"]
    limited = f"; peers up to {run['peer_isa']}" if run["peer_isa"] else ""
    if limited:
        free = sorted(processes.UNLIMITED & set(run["versions"]))
        limited += f" ({', '.join(free)}: no such switch, all of the CPU)" if free else ""
    return [
        f"{run['cpu']}, {run['isa']}, {run['threads']} threads{limited}; load {run['load'][0]:.1f}",
        f"measured in this run: {roof['flops_per_second'] / 1e9:.0f} GFLOP/s (FMA), "
        f"{roof['bytes_per_second'] / 1e9:.1f} GB/s (copy), "
        f"barrier between the threads {roof['barrier_seconds'] * 1e6:.2f} us",
        ", ".join(f"{name} {version}" for name, version in run["versions"].items()),
    ]


def columns(libraries) -> str:
    """The table's first line."""
    cells = " ".join(f"{name:>12}" for name in libraries)
    return f"{'row':52} {cells}  ratio   (medians; us, memory in KiB)"


def _cell(row, figures, places=2) -> str:
    if "median" not in figures:
        return "-"
    scale = 1e6 if row.unit == "s" else 1 / 1024
    return f"{figures['median'] * scale:,.{places if row.unit == 's' else 0}f}"


def line(row, result) -> str:
    """A row of the table."""
    cells = " ".join(f"{_cell(row, figures):>12}" for figures in result.values())
    planned = result.get("ranvier", {}).get("planned")
    note = f"; planned {planned / 1024:,.0f} KiB" if planned else ""
    return f"{row.title:52} {cells}  {verdict(row, result)}{note}"


def ratio(result) -> tuple[float, str] | None:
    """How often we fit into the best peer's figure, and its name."""
    peers = {
        name: figures["median"]
        for name, figures in result.items()
        if name != "ranvier" and "median" in figures
    }
    if not peers or "median" not in result.get("ranvier", {}):
        return None
    best = min(peers, key=peers.__getitem__)
    return peers[best] / result["ranvier"]["median"], best


def verdict(row, result) -> str:
    """The ratio to the best peer and whether the bars are held."""
    if "median" not in result.get("ranvier", {}):
        return "not measured"
    found, parts = ratio(result), []
    if found:
        parts.append(f"{found[0]:.2f}x {found[1]}")
        if row.bar is not None:
            held = "held" if found[0] >= row.bar else "MISSED"
            parts.append(f"(bar {row.bar:g}x: {held})")
    if row.limit is not None:
        held = "held" if result["ranvier"]["median"] <= row.limit else "MISSED"
        parts.append(f"(bar {row.limit * 1e6:g} us: {held})")
    return " ".join(parts)


def groups(run) -> list[str]:
    """One line for each group of which rows were measured."""
    lines = []
    for name, group in rows.GROUPS.items():
        results = [run["rows"][r.name] for r in rows.ROWS
                   if r.group == name and r.name in run["rows"]]  # fmt: skip
        found = [r for r in map(ratio, results) if r]
        if not found:
            continue
        ratios = [r for r, _ in found]
        if group.mean == "geometric":
            together = math.exp(sum(map(math.log, ratios)) / len(ratios))
        else:
            ours = [r["ranvier"]["median"] for r in results if ratio(r)]
            together = sum(o * r for o, r in zip(ours, ratios)) / sum(ours)
        held = "held" if together >= group.bar else "MISSED"
        lines.append(
            f"{group.title}: {len(ratios)} rows, together {together:.2f}x (bar {group.bar:g}x: "
            f"{held}), the worst {min(ratios):.2f}x"
        )
    return lines


def _missed(row, result) -> bool:
    return "MISSED" in verdict(row, result)


def markdown(run) -> str:
    """The run's tables: the rows below a peer, those below their bar, the others."""
    known = [(rows.BY_NAME[name], result) for name, result in run["rows"].items()]
    lost = [(row, r) for row, r in known if (found := ratio(r)) and found[0] < 1]
    short = [(row, r) for row, r in known if _missed(row, r) and (row, r) not in lost]
    held = [(row, r) for row, r in known if (row, r) not in lost and (row, r) not in short]
    lines = [f"Run of {run['date']}; load {run['load'][0]:.1f} at its begin, "
             f"{run['load'][-1]:.1f} at its end; {run['rounds']} rounds; medians, lowest and "
             "highest.", "", "```", run["command"], *header(run), "```", ""]  # fmt: skip
    lines += [f"- {text}" for text in groups(run)] + [""]
    for title, part in (
        ("Where we lose", lost),
        ("Ahead, but below the bar", short),
        ("The other rows", held),
    ):
        if part:
            lines += [f"## {title}", "", *_table(run, part), ""]
    return "\n".join(lines)


def _table(run, part) -> list[str]:
    names = list(run["versions"])
    lines = [f"| row | {' | '.join(names)} | ratio |", "|---|" + "---:|" * len(names) + "---|"]
    for row, result in part:
        cells = [_markdown_cell(row, result.get(name, {})) for name in names]
        lines.append(f"| {row.title} | {' | '.join(cells)} | {verdict(row, result)} |")
    return lines


def _markdown_cell(row, figures) -> str:
    """Median and spread in a unit that fits."""
    if "median" not in figures:
        return "–"
    if row.unit == "B":
        text = f"{figures['median'] / 2**20:,.1f} MiB"
        return text + (
            f" (planned {figures['planned'] / 2**20:,.1f})" if "planned" in figures else ""
        )
    scale, unit = (1e6, "µs") if figures["median"] < 5e-3 else (1e3, "ms")
    places = 2 if figures["median"] * scale < 100 else 0
    low, middle, high = (f"{figures[k] * scale:,.{places}f}" for k in ("min", "median", "max"))
    return f"{middle} {unit} ({low}–{high})"


def write_results(path, run) -> None:
    """Replaces what stands between the markers of the file."""
    text = path.read_text()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"{path}: the markers {BEGIN} and {END} are missing")
    new = f"{BEGIN}\n{markdown(run)}\n{END}"
    path.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: new, text, flags=re.DOTALL))
