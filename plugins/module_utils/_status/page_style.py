# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the page looks, in light and in dark."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark;
  --ground: #f5f6f8; --card: #ffffff; --ink: #1b2430; --soft: #586474; --line: #dce1e8; --accent: #2b5fc7;
  --ok: #1b7f4c; --notice: #94610a; --problem: #bd2f28; --unknown: #586474; --on: #ffffff; --area: #2b5fc71f; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #11151a; --card: #191f27; --ink: #e3e7ed; --soft: #9aa6b5; --line: #2d3643; --accent: #86abff;
  --ok: #58c58d; --notice: #e2b354; --problem: #ff857c; --unknown: #9aa6b5; --on: #11151a; --area: #86abff26; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; overflow-wrap: anywhere; }
main { max-width: 1004px; margin: 0 auto; padding: 32px 20px 48px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0; font-weight: 650; }
h2 { font-size: 17px; margin: 0 0 14px; font-weight: 650; }
h3 { font-size: 14px; margin: 0 0 8px; font-weight: 600; }
p { margin: 0; } .soft, footer { color: var(--soft); font-size: 14px; }
.title { display: flex; flex-wrap: wrap; gap: 6px 14px; align-items: center; margin-bottom: 6px; }
.state { display: inline-flex; gap: 7px; align-items: center; padding: 3px 12px 3px 9px; font-weight: 600;
  border: 1.5px solid currentColor; border-radius: 99px; background: var(--card); }
.ok { color: var(--ok); } .notice { color: var(--notice); } .problem { color: var(--problem); }
.unknown { color: var(--unknown); }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px; margin-top: 16px; }
.tiles, .cards { display: grid; gap: 12px 16px; margin: 20px 0 0; }
.tiles { grid-template-columns: repeat(6, 1fr); gap: 12px; }
.tiles.few { grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); }
.tiles > div { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 12px 14px; }
.tiles dt { color: var(--soft); font-size: 13px; } .tiles dd { margin: 2px 0 0; font-weight: 600; line-height: 1.35; }
.tiles svg { margin-right: 6px; }
.cards { grid-template-columns: repeat(auto-fit, minmax(270px, 1fr)); margin-top: 16px; }
.cards section { margin: 0; }
svg.inline { vertical-align: -3px; flex: none; }
ul.findings { list-style: none; margin: 0; padding: 0; }
.findings li { display: grid; grid-template-columns: 16px 84px 1fr; gap: 9px; padding: 7px 0; align-items: start; }
.findings li + li { border-top: 1px solid var(--line); }
.findings svg { margin-top: 3px; } .findings b { font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: 13px; }
th, td { padding: 8px 14px 8px 0; vertical-align: top; } th:last-child, td:last-child { padding-right: 0; }
thead th { padding-top: 0; } tbody tr { border-top: 1px solid var(--line); }
tbody th { color: var(--ink); font-weight: 600; font-size: 14px; }
tr.why { border-top: 0; } tr.why td { padding-top: 0; color: var(--problem); }
td small, th small { display: block; color: var(--soft); font-weight: 400; font-size: 13px; }
td.number, th.number { text-align: right; padding-right: 28px; }
td.number:last-child, th.number:last-child { padding-right: 0; }
dl.facts { display: grid; grid-template-columns: fit-content(55%) 1fr; gap: 6px 16px; margin: 0; font-size: 14px; }
.facts dt { color: var(--soft); } .facts dd { margin: 0; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); gap: 24px; margin-bottom: 20px; }
figure { margin: 0; } figcaption { color: var(--soft); font-size: 13px; margin-top: 4px; }
svg.plot, svg.picture { display: block; width: 100%; height: auto; }
svg.picture.narrow { display: none; max-width: 400px; margin: 0 auto; }
svg text { font-family: inherit; fill: var(--ink); }
svg .small, svg .tick, svg .unit, svg .edge-label, svg .limit-label { font-size: 12.5px; fill: var(--soft); }
svg .tick { font-variant-numeric: tabular-nums; }
svg .edge-label { font-size: 11.5px; }
svg .name { font-size: 15px; font-weight: 600; } svg .name.side { font-size: 13.5px; }
.box { fill: var(--card); stroke: var(--line); stroke-width: 1.5; }
.box.leader { stroke: var(--accent); } .box.problem { stroke: var(--problem); stroke-dasharray: 6 4; }
.box.notice { stroke: var(--notice); } .box.unknown { stroke-dasharray: 3 4; stroke: var(--soft); }
.frame { fill: var(--ground); stroke: var(--line); stroke-width: 1.5; }
.edge { stroke: var(--soft); stroke-width: 1.8; } .edge.problem { stroke: var(--problem); stroke-dasharray: 5 4; }
.edge.unknown { stroke-dasharray: 2 4; } .edge.notice { stroke-dasharray: 8 4; } .head { fill: var(--soft); }
.badge { fill: var(--accent); } svg .badge-text { fill: var(--on); font-size: 12px; font-weight: 600; }
.icon .fill { fill: currentColor; } .icon .cut, .icon .stroke { fill: none; stroke-width: 1.9; stroke-linecap: round; }
.icon .cut { stroke: var(--on); } .icon .stroke, .icon .ring { stroke: currentColor; }
.icon .ring { fill: none; stroke-width: 1.4; stroke-dasharray: 2.4 1.6; } .icon .stroke { stroke-width: 1.5; }
.grid { stroke: var(--line); stroke-width: 1; } .axis { stroke: var(--soft); stroke-width: 1.2; }
.area { fill: var(--area); } .curve { fill: none; stroke: var(--accent); stroke-width: 1.8; stroke-linejoin: round; }
.dot { fill: var(--accent); } .limit { stroke: var(--problem); stroke-width: 1.4; stroke-dasharray: 6 4; }
svg .limit-label { fill: var(--problem); paint-order: stroke; stroke: var(--card); stroke-width: 3px; }
footer { margin-top: 20px; } table + p { margin-top: 8px; }
@media (max-width: 1000px) { .tiles { grid-template-columns: repeat(3, 1fr); } }
@media (max-width: 760px) {
  main { padding: 20px 12px 32px; } section { padding: 16px 14px; }
  svg.picture.wide { display: none; } svg.picture.narrow { display: block; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 8px; }
  thead { display: none; } tbody tr, tbody th, tbody td { display: block; }
  tbody tr { padding: 10px 0; } tr.why { padding-top: 0; }
  tbody th, tbody td, td.number { padding: 2px 0; text-align: left; }
  tbody td[data-label] { display: grid; grid-template-columns: 92px 1fr; gap: 10px; }
  tbody td[data-label]::before { content: attr(data-label); color: var(--soft); }
}
@media print { body { background: none; } section { break-inside: avoid; } }
"""
