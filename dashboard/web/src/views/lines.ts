/** What a settled slot came to: a line for each participant, as a table; import and export are never netted. */
import { html } from "lit";
import type { AccountEntry, Line, Statement } from "../api/market_api.js";
import { gameTitle, moment } from "../market/moments.js";
import { exactMoney, kwhFigure, price } from "../market/numbers.js";
import { href } from "../route.js";

type Column = readonly [head: string, of: (line: Line) => string];

const ENERGIES: readonly Column[] = [
  ["Took, kWh", (line) => kwhFigure(line.inEnergy)],
  ["Fed in, kWh", (line) => kwhFigure(line.outEnergy)],
  ["Bought here, kWh", (line) => kwhFigure(line.bought)],
  ["Sold here, kWh", (line) => kwhFigure(line.sold)],
  ["From the grid, kWh", (line) => kwhFigure(line.fromGrid)],
  ["To the grid, kWh", (line) => kwhFigure(line.toGrid)],
];
const COLUMNS: readonly Column[] = [
  ...ENERGIES,
  ["Paid", (line) => exactMoney(line.paid)],
  ["Received", (line) => exactMoney(line.received)],
  ["Fees", (line) => exactMoney(line.fees)],
  ["Penalties", (line) => exactMoney(line.penalties)],
];

/** What one has to know of how a line came to be. */
function marks({ isPresumed, corrections }: Line): unknown {
  const by = corrections.reduce((sum, each) => sum + each.net, 0);
  const last = corrections.at(-1);
  return [
    isPresumed ? html` <span class="tag warn" title="Its meter was silent: this is presumed">silent</span>` : "",
    last === undefined ? "" : html` <span class="tag price" title="Settled anew, last ${moment(last.at)}: by ${exactMoney(by)}">corrected</span>`,
  ];
}

/** Lines, each under what `head` makes of it. */
export function linesTable<T extends Line>(name: string, first: string, lines: readonly T[], head: (line: T) => unknown): unknown {
  return html`<div class="scroll long" tabindex="0" role="region" aria-label=${name}>
    <table><thead><tr><th scope="col">${first}</th>${COLUMNS.map(([title]) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
      <tbody>${lines.map(
        (line) => html`<tr><th scope="row" class="stays">${head(line)}${marks(line)}</th>
          ${COLUMNS.map(([, of]) => html`<td class="number">${of(line)}</td>`)}</tr>`,
      )}</tbody></table></div>`;
}

/** A link to whom a line is of. */
export const whose = (line: Line): unknown => html`<a href=${href("prosumers", line.prosumer)}>${line.prosumer}</a>`;

const priceOf = (value: number | null): string => (value === null ? "–" : price(value));

const BILLED: readonly Column[] = [
  ...ENERGIES,
  ["Bought at", (line) => priceOf(line.boughtAt)],
  ["Sold at", (line) => priceOf(line.soldAt)],
  ["Grid takes", (line) => price(line.retailTariff)],
  ["Grid gives", (line) => price(line.feedInTariff)],
  ["Fees", (line) => exactMoney(line.fees)],
  ["Penalties", (line) => exactMoney(line.penalties)],
  ["Compensation", (line) => exactMoney(line.compensation)],
  ["Net", (line) => exactMoney(line.net)],
];

const ENTRIES: Record<AccountEntry["kind"], string> = {
  "top-up": "money that an operator brought in",
  "cancelled-game": "of a game that a reset removed",
  "forfeited-bond": "the bond of a clearing that it posted and that was wrong",
};

/** A part of a statement's slots and other entries, in order of time; its `net` adds up to the account's movement. */
export function statementTable({ lines, entries }: Statement, from: number, most: number, when: (at: string) => string): unknown {
  const rows = [
    ...lines.map((line) => ({ at: line.begins, cells: (): unknown => billed(line, when) })),
    ...entries.map((entry) => ({ at: entry.at, cells: (): unknown => entered(entry, when) })),
  ];
  rows.sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Statement">
    <table><thead><tr><th scope="col">When</th>${BILLED.map(([title]) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
      <tbody>${rows.slice(from, from + most).map(({ cells }) => html`<tr>${cells()}</tr>`)}</tbody></table></div>`;
}

const billed = (line: Line, when: (at: string) => string): unknown =>
  html`<th scope="row" class="stays"><a href=${href("games", line.game)} title=${gameTitle(line.game)}>${when(line.begins)}</a>${marks(line)}</th>
    ${BILLED.map(([, of]) => html`<td class="number">${of(line)}</td>`)}`;

const entered = ({ at, kind, amount }: AccountEntry, when: (at: string) => string): unknown =>
  html`<th scope="row" class="stays">${when(at)}</th><td colspan=${BILLED.length - 1}>${ENTRIES[kind]}</td><td class="number">${exactMoney(amount)}</td>`;
