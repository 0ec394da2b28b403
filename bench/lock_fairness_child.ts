/**
 * `lock_fairness_child.ts PATH ROW TIMES update|updateSync TIMEOUT_MS`: prints "ready", waits for
 * a line, then adds 1 to `n` of that row so many times, each a commit of its own, and prints in
 * JSON how long it waited for its turn and for the acknowledgement, in milliseconds.
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { PsBase } from "../base.ts";

const [path = "", row, times, form, limit] = Deno.args;
using base = PsBase.openSync(path, { schema: { n: "integer" }, timeoutMs: Number(limit) });
console.log("ready");
await Deno.stdin.read(new Uint8Array(8));

const turns: number[] = [];
const commits: number[] = [];
for (let i = 0; i < Number(times); i++) {
  const start = performance.now();
  // It is called under the lock.
  const change = ({ n }: { n: number | null }) => {
    turns.push(performance.now() - start);
    return { n: n! + 1 };
  };
  if (form === "update") await base.update(Number(row), change);
  else base.updateSync(Number(row), change);
  commits.push(performance.now() - start);
}
console.log(JSON.stringify({ turns, commits }));
