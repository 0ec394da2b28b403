/**
 * The changes of a table as they happen. The stream is closed while nobody looks, and goes on where
 * it was.
 *
 * @module
 */

import { pathOf } from "./api.ts";
import type { Change } from "./rows.ts";

/** How the stream is. */
export type LiveState = "live" | "waiting" | "lost";

/** Reads the changes of one table. */
export class Live {
  readonly #table: string;
  readonly #told: (changes: readonly Change[]) => void;
  readonly #state: (state: LiveState) => void;
  /** Called if changes were missed: what is shown must be read again. */
  readonly #missed: () => void;
  #since: number;
  #source: EventSource | undefined;
  readonly #onVisibility = () => document.hidden ? this.#stop() : this.#start();

  /** @param since The commit that is shown. */
  constructor(
    table: string,
    since: number,
    on: {
      changes: (changes: readonly Change[]) => void;
      state: (state: LiveState) => void;
      missed: () => void;
    },
  ) {
    this.#table = table;
    this.#since = since;
    this.#told = on.changes;
    this.#state = on.state;
    this.#missed = on.missed;
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#onVisibility();
  }

  #start(): void {
    if (this.#source !== undefined) return;
    const source = this.#source = new EventSource(
      pathOf(this.#table, `~changes?since=${this.#since}`),
    );
    source.addEventListener("open", () => this.#state("live"));
    source.addEventListener("commit", (event) => {
      const { sequence, changes } = JSON.parse((event as MessageEvent).data);
      if (sequence <= this.#since) return;
      this.#since = sequence;
      this.#told(changes);
    });
    source.addEventListener("error", () => {
      // The browser tries again by itself, unless the server refused.
      this.#state(source.readyState === EventSource.CLOSED ? "lost" : "waiting");
      if (source.readyState !== EventSource.CLOSED) return;
      this.#stop();
      this.#missed();
    });
  }

  #stop(): void {
    this.#source?.close();
    this.#source = undefined;
  }

  /** Ends it. */
  close(): void {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#stop();
  }
}
