/** Light or dark: as the system says, until somebody chooses. */
export type Scheme = "light" | "dark";

const STORED = "energy-market-scheme";
const system = globalThis.matchMedia("(prefers-color-scheme: dark)");

export function scheme(): Scheme {
  const chosen = localStorage.getItem(STORED);
  if (chosen === "light" || chosen === "dark") return chosen;
  return system.matches ? "dark" : "light";
}

function apply(): void {
  document.documentElement.dataset.scheme = scheme();
  document.dispatchEvent(new Event("scheme-change"));
}

export function toggleScheme(): void {
  localStorage.setItem(STORED, scheme() === "dark" ? "light" : "dark");
  apply();
}

export function followScheme(): void {
  system.addEventListener("change", apply);
  apply();
}

/** A colour of the design system as it is now, for what is drawn on a canvas. */
export function colour(token: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${token}`).trim();
}
