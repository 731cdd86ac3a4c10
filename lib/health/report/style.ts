import { Markup } from './markup';

/** The style of a report: light, dark and printed. */
export const STYLE = new Markup(`
:root { --text: #1f2430; --soft: #5d6677; --line: #d9dde5; --back: #ffffff; --a: #2f6fde; --b: #d9730d; --c: #3a8f5c; --d: #c0392b; }
@media (prefers-color-scheme: dark) {
:root { --text: #e6e8ee; --soft: #a3abbb; --line: #3a4150; --back: #171a21; --a: #6ea2ff; --b: #f0a35a; --c: #6cc492; --d: #f08a7e; }
}
@media print {
:root { --text: #000000; --soft: #333333; --line: #bbbbbb; --back: #ffffff; --a: #2f6fde; --b: #d9730d; --c: #3a8f5c; --d: #c0392b; }
section { break-inside: avoid; }
}
* { print-color-adjust: exact; }
body { margin: 0 auto; padding: 24px; max-width: 860px; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0; font-size: 22px; }
h2 { margin: 36px 0 8px; font-size: 17px; }
p { margin: 4px 0 8px; }
header p, .note { color: var(--soft); }
table { width: 100%; border-collapse: collapse; margin: 8px 0; }
th, td { min-width: 84px; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 600; overflow-wrap: normal; }
.counts th { width: 190px; }
.number { width: 90px; text-align: right; padding-right: 18px; font-variant-numeric: tabular-nums; font-weight: 600; overflow-wrap: normal; }
.status, .alert { border: 1px solid currentColor; border-radius: 6px; }
.status { padding: 1px 9px; font-size: 14px; vertical-align: 3px; }
.alert { padding: 8px 12px; }
.ok { color: var(--c); } .warning { color: var(--b); } p.alert.alert { color: var(--d); } p.alert.warning { color: var(--b); } p.alert.ok { color: var(--c); } span.alert { color: var(--d); }
@media (max-width: 600px) {
body { padding: 16px; }
table { display: block; overflow-x: auto; }
th, td { min-width: 120px; }
.counts th { width: 96px; min-width: 0; }
.counts td { width: auto; min-width: 0; padding-right: 12px; }
}
svg { display: block; width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--soft); }
.grid { stroke: var(--line); }
rect.a, circle.a, i.a { fill: var(--a); background: var(--a); } rect.b, circle.b, i.b { fill: var(--b); background: var(--b); }
rect.c, circle.c, i.c { fill: var(--c); background: var(--c); } rect.d, circle.d, i.d { fill: var(--d); background: var(--d); }
line.a { stroke: var(--a); } line.b { stroke: var(--b); } line.c { stroke: var(--c); } line.d { stroke: var(--d); }
.thin { stroke-width: 2; } .thick { stroke-width: 7; }
.legend span { margin-right: 18px; white-space: nowrap; }
.legend i { display: inline-block; width: 11px; height: 11px; margin-right: 6px; border-radius: 2px; }
`);
