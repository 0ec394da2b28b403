/**
 * A table that another process has open.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Fixture, spawnFixture } from "./spawn.ts";

/** The other process. */
export interface RemoteBase extends AsyncDisposable {
  /** Its id. */
  readonly pid: number;
  /** Calls a verb there, or reads a property; an error comes as `{ error, message }`. */
  call(verb: string, ...args: unknown[]): Promise<unknown>;
  /** How it ended. */
  readonly status: Promise<Deno.CommandStatus>;
  /** Ends it at once, and waits until it is gone. */
  kill(): Promise<void>;
}

/** Opens the table at `path` in a process of its own; `under` as in {@linkcode spawnFixture}. */
export async function openRemote(
  path: string,
  type: "Base" | "PsBase",
  { under = [], ...options }: { under?: string[]; [option: string]: unknown } = {},
): Promise<RemoteBase> {
  const fixture: Fixture = spawnFixture("use_base", [path, type, JSON.stringify(options)], under);
  const opened = await fixture.readLine();
  if (opened !== '"open"') {
    await fixture[Symbol.asyncDispose]();
    assertEquals(opened, '"open"');
  }
  return {
    status: fixture.status,
    pid: fixture.child.pid,
    async call(...words) {
      await fixture.send(JSON.stringify(words));
      return JSON.parse(await fixture.readLine() ?? "null");
    },
    async kill() {
      fixture.kill();
      await fixture.status;
    },
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}
