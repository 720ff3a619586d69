"""A report: a table for the terminal, and one self-contained HTML page in which every case opens."""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Sequence

from eval.metrics.abstention import risk_coverage
from eval.run import Report, Row

__all__ = ["page", "table"]

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem;
       color: #1f2937; }
h1, h2 { font-family: Georgia, serif; } table { border-collapse: collapse; margin: 1rem 0; }
td, th { padding: .25rem .7rem; text-align: left; border-bottom: 1px solid #e5e7eb; vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
details { border-bottom: 1px solid #e5e7eb; padding: .4rem 0; } summary { cursor: pointer; }
.wrong { color: #b91c1c; } .right { color: #15803d; } .dim { color: #6b7280; font-size: .9em; }
mark { background: #fde68a; }
blockquote { margin: .3rem 0 .3rem 1rem; padding-left: .8rem; border-left: 3px solid #d1d5db; }
svg { max-width: 100%; height: auto; }
"""


def table(report: Report) -> str:
    """Every metric with its interval and the number of cases it has an opinion on."""
    lines = [
        f"{report.gold}, {report.split}: {len(report.rows)} cases, revision {report.commit}, answered by "
        f"{report.answerer}",
        f"{'metric':<26} {'value':>7}  95 % interval    cases",
    ]
    for name, (value, low, high, count) in report.metrics.items():
        around = f"[{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
        lines.append(f"{name:<26} {value:7.3f}  {around:<16} {count:5}")
    return "\n".join(lines)


def page(report: Report) -> str:
    """The report as HTML, with nothing loaded from elsewhere."""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'>",
        f"<title>{_e(report.gold)}, {_e(report.split)}</title><style>{_STYLE}</style>",
        f"<h1>{_e(report.gold)}, {_e(report.split)}</h1>",
        f"<p class='dim'>{len(report.rows)} cases · revision {_e(report.commit)} · {_e(report.made)} · "
        f"configuration "
        f"{_e(report.config)} · answered by {_e(report.answerer)}</p>",
        _metrics(report),
        "<h2>By kind</h2>",
        _by_kind(report.rows),
        "<h2>Risk and coverage</h2><p class='dim'>If only the surest were answered: the share answered, and "
        "the share of "
        "those without a gold fact among their citations.</p>",
        _curve(report.rows),
        "<h2>Cases</h2>",
        *(_case(row) for row in sorted(report.rows, key=lambda r: (_is_right(r), r.kind, r.id))),
        "</html>",
    ]
    return "\n".join(parts)


def _metrics(report: Report) -> str:
    rows = "".join(
        f"<tr><td>{_e(name)}</td><td class='n'>{value:.3f}</td><td>{_whisker(value, low, high)}</td>"
        f"<td class='n'>{count}</td></tr>"
        for name, (value, low, high, count) in report.metrics.items()
    )
    head = "<th>metric</th><th>value</th><th>0 — 95 % interval — 1</th><th>cases</th>"
    return f"<table><tr>{head}</tr>{rows}</table>"


def _whisker(value: float, low: float | None, high: float | None) -> str:
    if low is None or high is None or not 0 <= value <= 1:
        return ""
    return (
        "<svg width='220' height='14' role='img'><line x1='0' x2='220' y1='7' y2='7' stroke='#e5e7eb'/>"
        f"<line x1='{220 * low:.1f}' x2='{220 * high:.1f}' y1='7' y2='7' stroke='#60a5fa' stroke-width='5'/>"
        f"<circle cx='{220 * value:.1f}' cy='7' r='4' fill='#1d4ed8'/><title>{low:.3f} to "
        f"{high:.3f}</title></svg>"
    )


def _by_kind(rows: Sequence[Row]) -> str:
    kinds: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        kinds[row.kind].append(row)
    body = []
    for kind, members in sorted(kinds.items()):
        covered = [row.measures["fact_coverage"] for row in members if "fact_coverage" in row.measures]
        share = f"{sum(covered) / len(covered):.2f}" if covered else ""
        right = sum(_is_right(row) for row in members) / len(members)
        body.append(
            f"<tr><td>{_e(kind)}</td><td class='n'>{len(members)}</td><td class='n'>{share}</td><td "
            f"class='n'>{right:.2f}</td>"
            f"<td><svg width='160' height='10'><rect width='{160 * right:.0f}' height='10' "
            f"fill='#60a5fa'/></svg></td></tr>"
        )
    head = "<th>kind</th><th>cases</th><th>facts cited</th><th>right</th><th></th>"
    return f"<table><tr>{head}</tr>{''.join(body)}</table>"


def _curve(rows: Sequence[Row]) -> str:
    scored = [(row.confidence, _is_right(row)) for row in rows if row.confidence is not None]
    points = risk_coverage([c for c, _ in scored], [r for _, r in scored])
    if not points:
        return "<p class='dim'>No case has a confidence.</p>"
    line = " ".join(f"{40 + 400 * coverage:.1f},{210 - 190 * risk:.1f}" for coverage, risk in points)
    return (
        "<svg viewBox='0 0 460 240' width='460' role='img' aria-label='risk against coverage'>"
        "<line x1='40' y1='210' x2='440' y2='210' stroke='#9ca3af'/><line x1='40' y1='20' x2='40' y2='210' "
        "stroke='#9ca3af'/>"
        f"<polyline points='{line}' fill='none' stroke='#1d4ed8' stroke-width='2'/>"
        "<text x='440' y='228' text-anchor='end' font-size='12'>share answered, 0 to 1</text>"
        "<text x='44' y='16' font-size='12'>share of those wrong, 0 to 1</text></svg>"
    )


def _case(row: Row) -> str:
    verdict = "<span class='right'>right</span>" if _is_right(row) else "<span class='wrong'>wrong</span>"
    understood = (
        f"<p class='dim'>Understood as: {_e(row.understood)}</p>" if row.understood != row.question else ""
    )
    gold = "".join(
        f"<li>{_e(' / '.join(fact['answers']) or '(no wording; see the spans)')}</li>" for fact in row.gold
    )
    cited = "".join(
        f"<blockquote>[{c['number']}] {_e(c['quote'])} <span class='dim'>{_e(c['article'])} "
        f"{c['start']}–{c['end']}, "
        f"{_e(c['support'])}</span></blockquote>"
        for c in row.cited
    )
    evidence = "".join(
        f"<blockquote>{p['rank']}. {_marked(p, row)} "
        f"<span class='dim'>{_e(p['article'])} {p['start']}–{p['end']}</span></blockquote>"
        for p in row.evidence
    )
    measures = " · ".join(f"{name} {value:.2f}" for name, value in row.measures.items())
    return (
        f"<details id='{_e(row.id)}'><summary>{verdict} <span class='dim'>{_e(row.kind)}</span> "
        f"{_e(row.question)}</summary>"
        f"{understood}<p>{_e(row.error or row.text)}</p>{cited}"
        f"<p class='dim'>{_e(_why_wrong(row))}</p><p>Gold:</p><ul>{gold or '<li>to be declined</li>'}</ul>"
        f"<p class='dim'>{_e(measures)}</p><details><summary>evidence</summary>{evidence}</details></details>"
    )


def _marked(passage: dict[str, object], row: Row) -> str:
    """A passage with the gold words in it marked."""
    text, start = str(passage["text"]), int(str(passage["start"]))
    inside = sorted(
        (max(a - start, 0), min(b - start, len(text)))
        for fact in row.gold
        for article, a, b in fact["spans"]
        if article == passage["article"] and a < start + len(text) and b > start
    )
    out, at = "", 0
    for a, b in inside:
        if a >= at:
            out += f"{_e(text[at:a])}<mark>{_e(text[a:b])}</mark>"
            at = b
    return out + _e(text[at:])


def _is_right(row: Row) -> bool:
    """Declined what it had to decline; or cited every gold fact."""
    if row.error is not None:
        return False
    if row.must_decline or row.declined:
        return row.must_decline and row.declined is not None
    return row.measures.get("fact_coverage", 0.0) == 1.0


def _why_wrong(row: Row) -> str:
    if row.error is not None:
        return "It raised an error."
    if row.must_decline:
        return "" if row.declined else "The articles do not answer this, and it answered."
    if row.declined:
        return f"It declined ({row.declined}), and the articles answer."
    covered = row.measures.get("fact_coverage", 0.0)
    if covered == 1.0:
        return ""
    found = row.measures.get("hit@10", 0.0)
    return f"It cites {covered:.0%} of the facts; " + (
        "a passage with one was found." if found else "no passage with one was found."
    )


def _e(text: str) -> str:
    return html.escape(text)
