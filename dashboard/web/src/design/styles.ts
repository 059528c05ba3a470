/** Styles that the page's elements share; the tokens are in page.css. */
import { css } from "lit";

export const shared = css`
  :host { display: block; }
  h1, h2, h3 { margin: 0; line-height: 1.2; font-weight: 650; letter-spacing: -0.01em; }
  h1 { font-size: var(--title); }
  h2 { font-size: var(--lead); }
  h3 { font-size: var(--body); }
  p { margin: 0; }
  a { color: var(--price); text-underline-offset: 2px; }
  .muted { color: var(--muted); }
  .small { font-size: var(--small); }
  .mono { font-family: var(--mono); font-size: 0.86em; overflow-wrap: anywhere; }
  .panel { background: var(--surface); border: 1px solid var(--line); border-radius: var(--round); padding: var(--space-5);
    box-shadow: var(--shadow); min-width: 0; }
  .panel > :is(h1, h2):first-child, .panel > header { margin-bottom: var(--space-4); }
  .panel.stack { gap: var(--space-4); }
  .panel.stack > :is(h1, h2, header):first-child { margin-bottom: 0; }
  .stack { display: grid; gap: var(--space-5); min-width: 0; }
  .row { display: flex; flex-wrap: wrap; gap: var(--space-3); align-items: center; }
  .spread { justify-content: space-between; }
  .columns { display: grid; gap: var(--space-5); grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); align-items: stretch; }
  .tag { display: inline-flex; align-items: center; gap: 6px; padding: 1px 9px; border-radius: 99px; font-size: var(--small);
    background: var(--sunken); color: var(--ink); white-space: nowrap; }
  .tag.local, .tag.good { background: var(--local-soft); color: var(--local); }
  .tag.grid, .tag.warn { background: var(--grid-soft); color: var(--grid); }
  .tag.price { background: var(--price-soft); color: var(--price); }
  .tag.bad { background: var(--bad-soft); color: var(--bad); }
  .scroll { overflow-x: auto; }
  .scroll.long { overflow-y: auto; max-height: max(22rem, 70vh); }
  .scroll.long thead th { position: sticky; top: 0; background: var(--surface); z-index: 1; box-shadow: inset 0 -1px var(--line); }
  .scroll:focus-visible, a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible, summary:focus-visible {
    outline: 3px solid var(--focus); outline-offset: 2px; border-radius: var(--round-small); }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { text-align: left; padding: 7px var(--space-3); border-bottom: 1px solid var(--line); vertical-align: top; }
  thead th { color: var(--muted); font-size: var(--small); font-weight: 550; white-space: nowrap; }
  tbody tr:last-child > * { border-bottom: 0; }
  tbody th { font-weight: 550; }
  td.number, th.number { text-align: right; white-space: nowrap; }
  button, .button { font: inherit; font-weight: 550; color: var(--ink); background: var(--surface); border: 1px solid var(--line);
    border-radius: var(--round-small); padding: 6px 14px; cursor: pointer; min-height: 36px; }
  a.button { display: inline-flex; box-sizing: border-box; align-items: center; text-decoration: none; }
  button:hover, a.button:hover { background: var(--sunken); }
  button.primary { background: var(--local); border-color: var(--local); color: var(--surface); }
  button.danger { color: var(--bad); border-color: var(--bad); }
  button[disabled] { color: var(--muted); cursor: not-allowed; }
  button.link { border: 0; background: none; padding: 0; min-height: 0; color: var(--price); text-decoration: underline; font-weight: 400; }
  label { display: grid; gap: var(--space-1); font-size: var(--small); color: var(--muted); }
  input, select, textarea { font: inherit; font-size: var(--body); color: var(--ink); background: var(--ground); border: 1px solid var(--muted);
    border-radius: var(--round-small); padding: 6px 10px; min-height: 36px; min-width: 0; }
  input[type="range"] { padding: 0; accent-color: var(--local); }
  .empty { display: grid; justify-items: center; text-align: center; gap: var(--space-3); padding: var(--space-6) var(--space-4); color: var(--muted); }
  .empty svg { width: 64px; height: 64px; color: var(--line); }
  .visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  .quiet-link { color: inherit; text-decoration: none; }
  .quiet-link:hover { text-decoration: underline; }
  .bill { grid-template-columns: 1fr max-content; }
  .bill dd { text-align: right; }
  tbody th.stays { position: sticky; left: 0; background: var(--surface); }
  .sums { display: grid; gap: var(--space-3) var(--space-5); grid-template-columns: repeat(auto-fit, minmax(min(100%, 9rem), 1fr)); }
  .sums div { display: grid; gap: 2px; align-content: end; }
  .sums strong { font-size: var(--title); font-weight: 680; font-variant-numeric: tabular-nums; white-space: nowrap; }
  .sums small { font-size: var(--small); font-weight: 500; }
  .sums .local strong { color: var(--local); }
  .sums .grid strong { color: var(--grid); }
  .sums .price strong { color: var(--price); }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: var(--space-2) var(--space-4); margin: 0; }
  dt { color: var(--muted); }
  dd { margin: 0; min-width: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
`;
