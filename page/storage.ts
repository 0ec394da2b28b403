/**
 * What the browser remembers. A browser may refuse to: then nothing is remembered.
 *
 * @module
 */

/** What was remembered under a name. */
export function recall<T>(name: string, otherwise: T): T {
  try {
    return JSON.parse(localStorage.getItem(`psbase ${name}`) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Remembers a value. */
export function remember(name: string, value: unknown): void {
  try {
    localStorage.setItem(`psbase ${name}`, JSON.stringify(value));
  } catch {
    // It lasts as long as the page.
  }
}
