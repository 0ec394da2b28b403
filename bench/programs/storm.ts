/**
 * One process of the storm, whatever the store: what `examples/storm/child.ts` does, without
 * looking whether all is right.
 *
 * @module
 */

import type { Job, Round } from "../../examples/storm/child.ts";
import { stormStrike } from "../../examples/storm/strikes.ts";

type Strike = ReturnType<typeof stormStrike>;

/** What a process of the storm does with its store. */
export interface Verbs {
  /** Reads the strikes of an airport, as objects. */
  search(airport: string): readonly unknown[] | Promise<readonly unknown[]>;
  /** Gives the id. */
  insert(strike: Strike): number | Promise<number>;
  /** Tells whether it was there. */
  remove(id: number): boolean | Promise<boolean>;
  close(): void;
}

/** Tells that it is ready, waits for the word, opens the store and does its rounds. */
export async function storm(open: (job: Job) => Verbs | Promise<Verbs>): Promise<void> {
  const job: Job = JSON.parse(Deno.args[0]!);
  const { process, airport, victims } = job;
  const encoder = new TextEncoder();
  const tell = (line: string) => Deno.stdout.writeSync(encoder.encode(line + "\n"));
  tell("ready");
  Deno.stdin.readSync(new Uint8Array(1));
  const store = await open(job);
  for (const [round, victim] of victims.entries()) {
    const start = performance.now();
    const found = await store.search(airport);
    if (found.length === 0) throw new Error(`found no strike of "${airport}"`);
    const id = await store.insert(stormStrike(airport, process, round));
    const deleted = await store.remove(victim);
    const ms = performance.now() - start;
    tell(JSON.stringify({ round, ms, id, deleted } satisfies Round));
  }
  store.close();
}
