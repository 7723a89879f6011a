// How the page of a change record looks: light and dark as the reader has it, and on paper. No
// font, image or script from anywhere.

/** Kinds of bars in the picture, with a colour for light and dark each. */
const bars = {
  preparing: ['#8a93a6', '#7d879c'],
  'control-plane': ['#3d6fd1', '#6f9bf0'],
  nodes: ['#1f8a70', '#44b797'],
  checking: ['#6c5fc7', '#9a8ff0'],
  soak: ['#b9c3d6', '#4a5670'],
  rollback: ['#c2452f', '#ee7d66'],
} as const;

function barColours(index: 0 | 1): string {
  return Object.entries(bars)
    .map(([name, colours]) => `--bar-${name}: ${colours[index]};`)
    .join(' ');
}

const barRules = Object.keys(bars)
  .map((name) => `.bar-${name} { fill: var(--bar-${name}); background: var(--bar-${name}); }`)
  .join('\n');

const dark = `--paper: #14171d; --ink: #e7eaf0; --soft: #9aa5b8; --line: #2c3340; --panel: #1b2029;
  --good: #63c79b; --bad: #ff9483; --wait: #f0b85a; --bar-ink: #10141b; ${barColours(1)}`;

export const recordStyle = `
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1b2230; --soft: #5a6579;
  --line: #dbe0e9; --panel: #f5f7fa; --good: #14704f; --bad: #b0311c; --wait: #8f5a00;
  --bar-ink: #ffffff; ${barColours(0)} }
@media (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 3rem; max-width: 78rem; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; padding-top: .9rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; overflow-wrap: anywhere; }
p { margin: .4rem 0; max-width: 60rem; overflow-wrap: anywhere; }
code, .hash { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .86em;
  overflow-wrap: anywhere; }
.event { white-space: nowrap; }
.state { display: inline-block; padding: .1rem .6rem; border: 1px solid currentColor;
  border-radius: 1rem; font-size: .8rem; font-weight: 600; vertical-align: .25em; }
.good { color: var(--good); } .bad { color: var(--bad); } .wait { color: var(--wait); }
.none, .soft, figcaption, caption { color: var(--soft); }
.note { padding: .6rem .9rem; border-inline-start: 4px solid var(--wait);
  background: var(--panel); }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem;
  margin: 1rem 0; }
dl.facts dt { color: var(--soft); } dl.facts dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .4rem 0 1rem; font-size: .9rem; }
caption { text-align: start; padding-bottom: .3rem; font-size: .85rem; }
th, td { text-align: start; vertical-align: top; padding: .32rem .8rem .32rem 0;
  border-bottom: 1px solid var(--line); overflow-wrap: anywhere; min-width: 6rem; }
th { font-size: .78rem; font-weight: 600; color: var(--soft); white-space: nowrap; }
td.number, td time { font-variant-numeric: tabular-nums; white-space: nowrap; }
.meter { display: inline-block; height: .6rem; border-radius: 2px; min-width: 2px;
  vertical-align: baseline; }
figure { margin: 0; } figure .scroll { padding-bottom: .3rem; }
svg { display: block; max-width: none;
  font: 11px system-ui, -apple-system, "Segoe UI", sans-serif; }
svg text { fill: var(--ink); } svg .soft { fill: var(--soft); }
svg .on-bar { fill: var(--bar-ink); }
svg .on-soak { fill: var(--ink); }
svg .rule { stroke: var(--line); } svg .laid { stroke: var(--ink); stroke-dasharray: 3 2; }
svg .number { fill: var(--paper); stroke: var(--ink); } svg .lead { stroke: var(--soft);
  stroke-dasharray: 1 3; }
.hatch-gate { stroke: var(--wait); } .hatch-pause { stroke: var(--soft); }
figure rect { stroke: var(--paper); }
.bar-gate { fill: url(#gate); stroke: var(--wait); }
.bar-pause { fill: url(#pause); stroke: var(--soft); }
ul.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; padding: 0;
  margin: .5rem 0; font-size: .82rem; }
ul.legend svg { display: inline-block; vertical-align: -.15em; margin-inline-end: .35rem; }
${barRules}
footer { margin-top: 2.5rem; padding-top: 1rem; border-top: 1px solid var(--line);
  font-size: .85rem; color: var(--soft); }
@media (max-width: 40rem) { body { padding: 1.2rem .8rem; }
  dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin-bottom: .5rem; } }
@media print { :root { color-scheme: light; } body { max-width: none; padding: 0; font-size: 10pt; }
  .scroll { overflow: visible; } figure svg { width: 100%; height: auto; }
  tr, figure { break-inside: avoid; } h2, h3 { break-after: avoid; }
  * { print-color-adjust: exact; } }
`.trim();
