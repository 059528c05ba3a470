/** Small pieces that several views use: empty and error states, figures, phases. */
import { type TemplateResult, html, nothing, svg } from "lit";
import type { Problem } from "../api/problem.js";
import { clock } from "../market/moments.js";
import { count } from "../market/numbers.js";
import type { Game } from "../api/market_api.js";
import { type Course, nameOf, phaseAt, stepsOf } from "../market/phases.js";

const drawings = {
  quiet: svg`<path d="M12 44h40M18 44V28l14-12 14 12v16M28 44V34h8v10" />`,
  broken: svg`<path d="M10 38h16l4-14 6 26 5-12h13" />`,
};

function drawn(kind: keyof typeof drawings): TemplateResult {
  return html`<svg viewBox="0 0 64 64" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round"
    stroke-linejoin="round" aria-hidden="true">${drawings[kind]}</svg>`;
}

/** What stands where there is nothing yet, and how something gets there. */
export function empty(title: string, what: unknown): TemplateResult {
  return html`<div class="empty">${drawn("quiet")}<h3>${title}</h3><p>${what}</p></div>`;
}

/** What went wrong, with its code, for whoever looks for it. */
export function failure(problem: Problem): TemplateResult {
  return html`<div class="empty" role="alert">
    ${drawn("broken")}
    <h3>This cannot be shown now</h3>
    <p>${problem.message}</p>
    <p class="mono">${problem.code}</p>
  </div>`;
}

export const waiting = html`<p class="muted" role="status">Reading the ledger…</p>`;

/** A game's phase among those it goes through, each with its time where that is known. */
export function phases(game: Course, now: number): TemplateResult {
  const present = phaseAt(game, now);
  if (present === "cancelled") return html`<span class="tag bad">Cancelled</span>`;
  const steps = stepsOf(game, now);
  const place = steps.findIndex((step) => step.phase === present);
  return html`<ol class="phases" aria-label="Phase of the game">
    ${steps.map(({ phase, at: time }, at) => {
      const kind = at < place ? "past" : at === place ? "present" : "future";
      return html`<li class=${kind}><span aria-current=${kind === "present" ? "step" : nothing}>${nameOf(phase, game)}</span>
        ${time === null || kind === "past" ? nothing : html`<small>${phase === "final" ? "from" : "until"} ${clock(time)}</small>`}</li>`;
    })}
  </ol>`;
}

/** Moves through a long list, page by page; nothing where there is only one. */
export function pager(from: number, size: number, total: number, move: (from: number) => void): unknown {
  if (total <= size) return nothing;
  return html`<nav class="row" aria-label="Pages">
    <button ?disabled=${from === 0} @click=${(): void => { move(Math.max(0, from - size)); }}>Previous</button>
    <button ?disabled=${from + size >= total} @click=${(): void => { move(from + size); }}>Next</button>
    <span class="muted small">${count(from + 1)} to ${count(Math.min(total, from + size))} of ${count(total)}</span>
  </nav>`;
}

/** A figure with its unit, which is smaller than the number. */
export function figure(name: string, value: string, unit: string): TemplateResult {
  return html`<strong data-figure=${name}>${value}${unit === "" ? nothing : html` <small>${unit}</small>`}</strong>`;
}

/** A figure under its name, one of several sums. */
export const summed = (kind: "local" | "grid" | "price" | "", name: string, value: unknown): TemplateResult =>
  html`<div class=${kind}><span class="muted small">${name}</span>${value}</div>`;

export function phaseTag(game: Course, now: number): TemplateResult {
  const phase = phaseAt(game, now);
  const kind = phase === "cancelled" ? "bad" : phase === "closed" || phase === "final" ? "" : "good";
  return html`<span class="tag ${kind}">${nameOf(phase, game)}</span>`;
}

/** What a game came to for which nobody proved a clearing in time. */
export function fallbackTag({ clearing }: Game): unknown {
  if (clearing === null || clearing.fallback === null) return nothing;
  return html`<span class="tag warn">fallback: ${clearing.fallback === "turns" ? "played by turns" : "all from the grid"}</span>`;
}
