/**
 * What the browser remembers: widths of columns, dark or light. A browser may forbid that.
 *
 * @module
 */

/** What was remembered, or a fallback. */
export function remembered<T>(name: string, fallback: T): T {
  try {
    return JSON.parse(localStorage.getItem(name) ?? "") as T;
  } catch {
    return fallback;
  }
}

/** Remembers a value, if the browser lets it. */
export function remember(name: string, value: unknown): void {
  try {
    localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // Then it is as it was the next time.
  }
}

function apply(theme: string): void {
  document.documentElement.dataset.theme = theme;
}

/** Applies the theme of the last time, or that of the system. */
export function startTheme(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  apply(remembered("theme", dark.matches ? "dark" : "light"));
}

/** Dark becomes light, and light dark. */
export function toggleTheme(): void {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  remember("theme", theme);
  apply(theme);
}
