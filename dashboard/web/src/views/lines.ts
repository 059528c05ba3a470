/** What a settled slot came to: a line for each participant, as a table; import and export are never netted. */
import { html } from "lit";
import type { Line } from "../api/market_api.js";
import { exactMoney, kwhFigure } from "../market/numbers.js";
import { href } from "../route.js";

const COLUMNS: readonly (readonly [head: string, of: (line: Line) => string])[] = [
  ["Took, kWh", (line) => kwhFigure(line.inEnergy)],
  ["Fed in, kWh", (line) => kwhFigure(line.outEnergy)],
  ["Bought here, kWh", (line) => kwhFigure(line.bought)],
  ["Sold here, kWh", (line) => kwhFigure(line.sold)],
  ["From the grid, kWh", (line) => kwhFigure(line.fromGrid)],
  ["To the grid, kWh", (line) => kwhFigure(line.toGrid)],
  ["Paid", (line) => exactMoney(line.paid)],
  ["Received", (line) => exactMoney(line.received)],
  ["Fees", (line) => exactMoney(line.fees)],
  ["Penalties", (line) => exactMoney(line.penalties)],
];

/** Lines, each under what `head` makes of it. */
export function linesTable<T extends Line>(name: string, first: string, lines: readonly T[], head: (line: T) => unknown): unknown {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${name}>
    <table><thead><tr><th scope="col">${first}</th>${COLUMNS.map(([title]) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
      <tbody>${lines.map(
        (line) => html`<tr><th scope="row" class="stays">${head(line)}${line.isPresumed ? html` <span class="tag warn" title="Its meter was silent: this is presumed">silent</span>` : ""}</th>
          ${COLUMNS.map(([, of]) => html`<td class="number">${of(line)}</td>`)}</tr>`,
      )}</tbody></table></div>`;
}

/** A link to whom a line is of. */
export const whose = (line: Line): unknown => html`<a href=${href("prosumers", line.prosumer)}>${line.prosumer}</a>`;
