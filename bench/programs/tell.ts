/**
 * How the small programs tell what they measured.
 *
 * @module
 */

/** What a program tells. */
export interface Told {
  /** Of what it did, without loading and ending, in milliseconds. */
  readonly ms: number;
  readonly result: unknown;
  /** The most memory that the process had, in MiB; 0 where the system does not tell. */
  readonly peakMiB: number;
}

/** Runs it, and prints a {@linkcode Told} in JSON. */
export async function tell(fn: () => unknown): Promise<void> {
  const start = performance.now();
  const result = await fn();
  const ms = performance.now() - start;
  // deno-lint-ignore no-console
  console.log(JSON.stringify({ ms, result, peakMiB: peakMiB() } satisfies Told));
}

function peakMiB(): number {
  if (Deno.build.os !== "linux") return 0;
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}
